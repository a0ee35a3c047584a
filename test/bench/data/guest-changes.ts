import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labUri } from '../../lab/lab.ts';
import type { ChangeSet } from './synthetic-disk.ts';

/** So many commands go to one virsh. */
const batch = 100;

/**
 * Writes a set of changes into the disk of a running VM as its own device would: QEMU's qemu-io command on the guest's drive,
 * so that dirty bitmaps see them.
 * @param device QOM path of the device that has the drive
 */
export function applyToGuest(
  domain: string,
  device: string,
  folder: string,
  set: ChangeSet,
  content: readonly Buffer[],
): void {
  mkdirSync(folder, { recursive: true });
  const commands = set.extents.map(({ offset, length }, index) => {
    const file = join(folder, String(index));
    writeFileSync(file, content[index] as Buffer);
    return `qemu-monitor-command ${domain} --hmp 'qemu-io -d ${device} "write -s ${file} ${offset} ${length}"'`;
  });
  for (let from = 0; from < commands.length; from += batch) {
    const text = execFileSync('virsh', ['-q', '-c', labUri, commands.slice(from, from + batch).join('; ')], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    if (/failed|error|not found|Could not/iu.test(text)) throw new Error(`qemu-io on ${domain}: ${text.slice(0, 500)}`);
  }
}
