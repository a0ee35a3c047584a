import { AppError, messageOf } from '../../../shared/errors.ts';
import type { InventoryObject } from '../../../shared/model/vm.ts';
import { throwIfAborted } from '../../disks/extents.ts';
import { findProgram } from '../../disks/find-program.ts';
import type { Check, Deployment, DeployRequest, JobScope, Platform, SourceProspect } from '../platform.ts';
import type { Roots } from '../roots.ts';
import { ImageDeployment } from './deploy.ts';
import { describeObject, scanFolder, withFormats } from './scan.ts';
import { ImageSource } from './source.ts';

/** Images of every known format in one folder, each file or sub-folder an object (DETAILS 28). */
export class ImageDirectory implements Platform {
  readonly #folder: string;
  readonly #uuid: string;
  readonly #roots: Roots;

  /** @param uuid the platform's: the objects' UUIDs are derived from it */
  constructor(settings: { path: string }, uuid: string, roots: Roots) {
    this.#folder = settings.path;
    this.#uuid = uuid;
    this.#roots = roots;
  }

  async test(signal: AbortSignal): Promise<Check[]> {
    try {
      const objects = await this.listObjects(signal);
      const images = objects.flatMap((object) => object.disks);
      const folder = {
        check: 'folder',
        ok: true,
        detail: `${this.#folder}: ${objects.length} objects, ${images.length} images`,
      };
      return [folder, await qemuUtils(images.some((image) => image.format !== 'raw'))];
    } catch (error) {
      return [{ check: 'folder', ok: false, detail: messageOf(error) }];
    }
  }

  async listObjects(signal: AbortSignal): Promise<InventoryObject[]> {
    const rows: InventoryObject[] = [];
    for (const object of await scanFolder(this.#folder, this.#uuid)) {
      throwIfAborted(signal);
      rows.push(await describeObject(this.#folder, object));
    }
    return rows;
  }

  async inspect(objectUuid: string, scope: JobScope): Promise<SourceProspect> {
    const found = (await scanFolder(this.#folder, this.#uuid)).find(({ uuid }) => uuid === objectUuid);
    if (found === undefined) {
      throw new AppError('objectVanished', `the image is no longer in the folder ${this.#folder}`);
    }
    const object = await withFormats(this.#folder, found);
    return {
      disks: object.images.map(({ id, path, format }) => ({
        id,
        format,
        sourcePath: path,
        checkpoints: [],
        withoutChanges: 'platformWithoutChanges',
      })),
      open: () => ImageSource.open(this.#folder, object, this.#roots, scope),
      close: async () => undefined,
    };
  }

  /** Files have no guest. @throws AppError unsupported */
  async thaw(): Promise<void> {
    throw new AppError('unsupported', 'images in a folder have no guest that could be frozen');
  }

  async prepareDeploy(request: DeployRequest, scope: JobScope): Promise<Deployment> {
    return ImageDeployment.prepare(request, this.#folder, this.#uuid, this.#roots, scope);
  }
}

async function qemuUtils(needed: boolean): Promise<Check> {
  if ((await findProgram('qemu-nbd')) !== undefined)
    return { check: 'qemu-utils', ok: true, detail: 'qemu-nbd is installed' };
  const detail = needed
    ? 'qemu-nbd is not installed, only raw images can be read: apt-get install qemu-utils'
    : 'qemu-nbd is not installed: holes of raw images are read like data';
  return { check: 'qemu-utils', ok: !needed, detail };
}
