import { AppError } from '../../../shared/errors.ts';
import type { VmConfiguration } from '../../../shared/model/vm.ts';
import type { SourceDisk } from '../../disks/disk.ts';
import { openFileDisk } from '../../disks/file-disk.ts';
import type { BackupSource, JobScope, OpenedDisk, ReachedConsistency } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { SocketFolder } from '../roots.ts';
import type { FoundObject } from './scan.ts';
import { checkInside, checkWhole, realFolder } from './scan.ts';

/** Images of one object, opened for reading. */
export class ImageSource implements BackupSource {
  readonly configuration: VmConfiguration;
  readonly nativeFiles = [];
  readonly disks: readonly OpenedDisk[];
  readonly takenAt = Date.now();
  readonly settlesOnRelease = false;
  readonly #sockets: SocketFolder;

  private constructor(configuration: VmConfiguration, disks: SourceDisk[], sockets: SocketFolder) {
    this.configuration = configuration;
    this.disks = disks.map((disk) => ({ disk, checkpoint: null, changes: undefined, lost: undefined }));
    this.#sockets = sockets;
  }

  /** @throws AppError diskMissing, diskUnsupported, diskReadFailed, programMissing, exportFailed, cancelled */
  static async open(folder: string, object: FoundObject, roots: Roots, scope: JobScope): Promise<ImageSource> {
    const real = await realFolder(folder);
    const sockets = new SocketFolder(roots.run, scope);
    const disks: SourceDisk[] = [];
    try {
      for (const image of object.images) {
        checkWhole(image);
        const { id, path, format } = image;
        const options = {
          id,
          path,
          format,
          socketPath: () => sockets.next(),
          mayRead: (file: string) => checkInside(real, file),
        };
        disks.push(await openFileDisk(options, scope));
      }
      return new ImageSource(describe(object, disks), disks, sockets);
    } catch (error) {
      await closeAll(disks, sockets);
      throw error;
    }
  }

  /** Files do not break under the reader other than by a failing read. */
  broken(): string | undefined {
    return undefined;
  }

  consistency(): ReachedConsistency {
    return { level: 'crash', frozenAt: null, thawedAt: null, problem: null };
  }

  async release(): Promise<void> {
    await closeAll(
      this.disks.map(({ disk }) => disk),
      this.#sockets,
    );
  }

  /** Images keep no checkpoints. */
  async keepCheckpoint(): Promise<void> {}

  async dropCheckpoint(): Promise<void> {}
}

/** Closes every disk, also when one of them fails to. @throws the first failure */
async function closeAll(disks: readonly SourceDisk[], sockets: SocketFolder): Promise<void> {
  const failures: unknown[] = [];
  for (const disk of disks) await disk.close().catch((error: unknown) => failures.push(error));
  await sockets.remove().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function describe(object: FoundObject, disks: readonly SourceDisk[]): VmConfiguration {
  return {
    format: 1,
    uuid: object.uuid,
    name: object.name,
    platformKind: 'image-directory',
    cpus: 0,
    memoryBytes: 0,
    machine: '',
    firmware: '',
    secureBoot: false,
    tpm: false,
    guestAgent: false,
    disks: object.images.map((image, at) => ({
      id: image.id,
      name: image.name,
      bus: '',
      bootOrder: null,
      format: image.format,
      sizeBytes: sizeOf(disks[at]),
      serial: null,
      sourcePath: image.path,
    })),
    nics: [],
    tags: [],
    capturedAt: new Date().toISOString(),
  };
}

function sizeOf(disk: SourceDisk | undefined): number {
  if (disk === undefined) throw new AppError('internal', 'an image was not opened');
  return disk.sizeBytes;
}
