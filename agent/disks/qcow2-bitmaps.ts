import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../../shared/errors.ts';
import { runProgram } from '../../shared/node/run-program.ts';
import { readError } from './file-errors.ts';

/** A persistent dirty bitmap in a qcow2 image. */
export interface ImageBitmap {
  readonly name: string;
  /**
   * The file says that somebody has it open for writing. Without a running QEMU this means that one ended without
   * saving it: it cannot be trusted.
   */
  readonly inUse: boolean;
}

const infoSchema = z.object({
  'format-specific': z
    .object({
      data: z
        .object({
          bitmaps: z.array(z.object({ name: z.string().max(1023), flags: z.array(z.string()) })).optional(),
        })
        .optional(),
    })
    .optional(),
});

/** How fine changes are tracked, bytes: what libvirt itself chooses, and the size of a divided cell (DESIGN §6). */
const granularity = '64k';

/**
 * Bitmaps that the image holds; also while a VM runs on it, but then those made since its start are missing.
 * @throws AppError diskMissing, diskReadFailed, programMissing, cancelled
 */
export async function readBitmaps(path: string, signal?: AbortSignal): Promise<ImageBitmap[]> {
  const text = await qemuImg(path, ['info', '--force-share', '--output=json'], [], signal);
  try {
    const info = infoSchema.parse(JSON.parse(text));
    const found = info['format-specific']?.data?.bitmaps ?? [];
    return found.map(({ name, flags }) => ({ name, inUse: flags.includes('in-use') }));
  } catch (error) {
    throw new AppError('diskReadFailed', `what qemu-img says of ${path} cannot be understood: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Adds an empty bitmap that records from now on. No VM may run on the image. @throws as {@link readBitmaps} */
export async function addBitmap(path: string, name: string, signal?: AbortSignal): Promise<void> {
  await qemuImg(path, ['bitmap', '--add', '-g', granularity], [name], signal);
}

/** Removes a bitmap, a broken one too. No VM may run on the image. */
export async function removeBitmap(path: string, name: string): Promise<void> {
  await qemuImg(path, ['bitmap', '--remove'], [name]);
}

/** True when a program could not open an image because a VM has it open. */
export function isLocked(error: unknown): boolean {
  return (
    error instanceof AppError && /Failed to get (shared )?"\w+" lock|Is another process using/iu.test(error.message)
  );
}

/** The one file and no backing file of it, in QEMU's own syntax: nothing is guessed, whatever the name looks like. */
async function qemuImg(
  path: string,
  before: readonly string[],
  after: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const device = (await statImage(path)).isBlockDevice();
  const file = { driver: device ? 'host_device' : 'file', filename: path };
  const image = `json:${JSON.stringify({ driver: 'qcow2', backing: null, file })}`;
  try {
    return (await runProgram('qemu-img', [...before, image, ...after], { signal })).stdout;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'programFailed') throw error;
    throw new AppError('diskReadFailed', `${path}: ${error.message}`, { cause: error });
  }
}

async function statImage(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    throw readError(path, error);
  }
}
