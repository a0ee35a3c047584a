import { constants } from 'node:fs';
import { access, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { AppError, messageOf } from '../../../shared/errors.ts';
import type { VmDisk } from '../../../shared/model/vm.ts';
import { syncFolder } from '../../../shared/node/atomic-file.ts';
import type { TargetDisk } from '../../disks/disk.ts';
import { exists } from '../../disks/exists.ts';
import { systemCode, writeError } from '../../disks/file-errors.ts';
import { containerFormats, type ImageFormat } from '../../disks/image-format.ts';
import { canWrite, openNewDisk } from '../../disks/new-disk.ts';
import { openNew } from '../../disks/target-file.ts';
import { freeName, safeFileName } from '../new-name.ts';
import type { Deployment, DeployRequest, JobScope } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { SocketFolder } from '../roots.ts';
import { uuid5 } from './uuid5.ts';

interface PlannedDisk {
  fileName: string;
  format: ImageFormat;
  sizeBytes: number;
}

/** File in a folder that is being restored; only a folder that holds it is ever removed as left over. */
export function markerName(jobUuid: string): string {
  return `.holdfast-restore-${jobUuid}`;
}

/** Writes the images of one object into a new sub-folder. */
export class ImageDeployment implements Deployment {
  readonly vmName: string;
  readonly #folder: string;
  readonly #path: string;
  readonly #platformUuid: string;
  readonly #disks: ReadonlyMap<string, PlannedDisk>;
  readonly #scope: JobScope;
  readonly #sockets: SocketFolder;
  readonly #open = new Set<TargetDisk>();

  private constructor(plan: Plan, folder: string, platformUuid: string, roots: Roots, scope: JobScope) {
    this.vmName = plan.name;
    this.#folder = folder;
    this.#path = join(folder, plan.name);
    this.#platformUuid = platformUuid;
    this.#disks = plan.disks;
    this.#scope = scope;
    this.#sockets = new SocketFolder(roots.run, scope);
  }

  /** Checks everything, then makes the folder. @throws AppError deployImpossible naming every problem */
  static async prepare(
    request: DeployRequest,
    folder: string,
    platformUuid: string,
    roots: Roots,
    scope: JobScope,
  ): Promise<ImageDeployment> {
    const plan = await makePlan(request, folder);
    const deployment = new ImageDeployment(plan, folder, platformUuid, roots, scope);
    await deployment.#makeFolder();
    return deployment;
  }

  async openDisk(diskId: string): Promise<TargetDisk> {
    const disk = this.#disks.get(diskId);
    if (disk === undefined) throw new AppError('internal', `disk ${diskId} is not part of this deployment`);
    const path = join(this.#path, disk.fileName);
    await (await openNew(path, 0o600)).close();
    const { format, sizeBytes } = disk;
    const target = await openNewDisk({ path, format, sizeBytes, socketPath: () => this.#sockets.next() }, this.#scope);
    this.#open.add(target);
    return {
      sizeBytes: target.sizeBytes,
      write: (offset, bytes) => target.write(offset, bytes),
      close: async () => {
        this.#open.delete(target);
        await target.close();
      },
    };
  }

  async finish({ start }: { start: boolean }): Promise<{ vmId: string; vmName: string }> {
    if (start) this.#scope.warn(`${this.vmName} was not started: an image directory does not run virtual machines`);
    await this.#sockets.remove();
    await rm(join(this.#path, markerName(this.#scope.jobUuid)));
    await syncFolder(this.#path);
    await syncFolder(this.#folder);
    await this.#scope.released(this.#resource());
    return { vmId: uuid5(this.#platformUuid, this.vmName), vmName: this.vmName };
  }

  async rollback(): Promise<void> {
    for (const target of this.#open) {
      await target.close().catch((error: unknown) => {
        this.#scope.warn(`while removing ${this.#path}: ${messageOf(error)}`);
      });
    }
    await this.#sockets.remove();
    await rm(this.#path, { recursive: true, force: true });
    await this.#scope.released(this.#resource());
  }

  async #makeFolder(): Promise<void> {
    await this.#scope.acquired(this.#resource());
    try {
      await mkdir(this.#path, { mode: 0o700 });
      await writeFile(join(this.#path, markerName(this.#scope.jobUuid)), '', { flag: 'wx', mode: 0o600 });
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  #resource() {
    return {
      kind: 'folder',
      name: JSON.stringify({ path: this.#path, marker: markerName(this.#scope.jobUuid) }),
    } as const;
  }
}

interface Plan {
  name: string;
  disks: Map<string, PlannedDisk>;
}

/** @throws AppError deployImpossible */
async function makePlan(request: DeployRequest, folder: string): Promise<Plan> {
  const problems: string[] = [];
  const wanted = request.name ?? safeFileName(request.configuration.name, request.configuration.uuid);
  if (safeFileName(wanted, '') !== wanted) problems.push(`${JSON.stringify(wanted)} is no possible name for a folder`);
  if (request.storage !== undefined && request.storage !== folder) {
    problems.push(`an image directory keeps its images in ${folder}, not in ${request.storage}`);
  }
  problems.push(...(await folderProblems(folder, request)));
  const disks = new Map<string, PlannedDisk>();
  for (const disk of request.configuration.disks) {
    const format = imageFormat(disk);
    if (!(await canWrite(format))) problems.push(`disk ${disk.id} is ${format}, and qemu-utils is not installed`);
    const taken = [...disks.values()].map((other) => other.fileName);
    const fileName = await freeFileName(fileNameOf(disk, format), taken);
    disks.set(disk.id, { fileName, format, sizeBytes: disk.sizeBytes });
  }
  if (problems.length > 0) throw new AppError('deployImpossible', problems.join('; '));
  return { name: await freeName(wanted, (name) => exists(join(folder, name))), disks };
}

async function folderProblems(folder: string, request: DeployRequest): Promise<string[]> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const needed = request.dataBytes ?? 0;
    return free < needed ? [`${folder} has ${free} bytes free, ${needed} are needed`] : [];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [`the folder ${folder} does not exist`];
    return [`the folder ${folder} cannot be written: ${messageOf(error)}`];
  }
}

/** Formats that we do not write come back as raw. */
function imageFormat(disk: VmDisk): ImageFormat {
  return containerFormats.find((format) => format === disk.format) ?? 'raw';
}

/** The suffix comes before the extension, which tells the format. */
async function freeFileName(name: string, taken: readonly string[]): Promise<string> {
  const extension = extname(name);
  const stem = name.slice(0, name.length - extension.length);
  return `${await freeName(stem, (candidate) => taken.includes(candidate + extension))}${extension}`;
}

/** Keeps the old file name where it tells the format, so that the folder lists as it did. */
function fileNameOf(disk: VmDisk, format: ImageFormat): string {
  const name = safeFileName(disk.name, disk.id);
  const extension = extname(name).toLowerCase();
  const fits = extension === `.${format}` || (format === 'raw' && extension === '.img');
  return fits ? name : `${name}.${format}`;
}
