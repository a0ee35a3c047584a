import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Real virtual machines under this machine's libvirt, in software emulation; see `vm-lab help`. */
const program = join(import.meta.dirname, 'vm-lab');
const labFolder = process.env['VMLAB_DIR'] ?? '/var/tmp/holdfast-lab';

export const labUri = 'qemu:///system';

export interface GuestOptions {
  disks?: number;
  /** As truncate(1) takes it. */
  size?: string;
  /** One per disk, the last for the rest. */
  formats?: readonly ('qcow2' | 'raw')[];
  start?: boolean;
}

/** One virtual machine of the lab; `down` removes it with its disks. */
export class Guest {
  readonly name: string;
  /** Name in libvirt. */
  readonly domain: string;
  readonly folder: string;

  private constructor(name: string) {
    this.name = name;
    this.domain = `lab-${name}`;
    this.folder = join(labFolder, 'vms', name);
  }

  /** Makes the machine and, unless told otherwise, waits until its guest agent answers (5 to 20 s). */
  static up(name: string, { disks = 1, size = '64M', formats = ['qcow2'], start = true }: GuestOptions = {}): Guest {
    const guest = new Guest(name);
    guest.down();
    vmLab(
      'up',
      name,
      '--disks',
      String(disks),
      '--size',
      size,
      '--format',
      formats.join(','),
      ...(start ? [] : ['--no-start']),
    );
    return guest;
  }

  get uuid(): string {
    return virsh('domuuid', this.domain).trim();
  }

  get state(): string {
    return virsh('domstate', this.domain).trim();
  }

  image(number: number, format: 'qcow2' | 'raw'): string {
    return join(this.folder, `disk${number}.${format}`);
  }

  /** Runs a shell command in the guest. */
  exec(command: string): string {
    return vmLab('exec', this.name, command);
  }

  load(action: 'start' | 'stop'): string {
    return vmLab('load', this.name, action).trim();
  }

  /** Shuts the guest down properly; machine and disks stay. */
  shutDown(): void {
    vmLab('down', this.name, '--keep');
  }

  start(): void {
    vmLab('start', this.name);
  }

  down(): void {
    vmLab('down', this.name);
  }
}

/** Runs vm-lab and returns its standard output. */
export function vmLab(...args: string[]): string {
  return run(program, args);
}

export function virsh(...args: string[]): string {
  return run('virsh', ['-q', '-c', labUri, ...args]);
}

/** True when the copy of a write load's target is one single point in time. */
export function checkLoad(file: string): string {
  return run(program, ['check-load', file]).trim();
}

/** Mounts a copy of a file system, with its journal replayed, and hands over the folder. */
export function withMounted<T>(image: string, use: (folder: string) => T): T {
  const folder = mkdtempSync('/var/tmp/hf-mount-');
  run('mount', ['-o', 'loop', image, folder]);
  try {
    return use(folder);
  } finally {
    run('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
}

/** Why the lab cannot run here; undefined when it can. */
export function labMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'the lab needs root';
  for (const needed of ['virsh', 'libvirtd', 'qemu-system-x86_64', 'qemu-img', 'busybox']) {
    if (spawnSync('which', [needed]).status !== 0) return `the lab needs ${needed}`;
  }
  return undefined;
}

/** Starts libvirtd when none answers. */
export function startLibvirtd(): void {
  vmLab('start-libvirtd');
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${stderr.trim() || stdout.trim() || String(status)}`);
  return stdout;
}
