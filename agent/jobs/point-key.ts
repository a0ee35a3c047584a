import { AppError } from '../../shared/errors.ts';
import type { TransformKeys } from '../transform/key-store.ts';
import type { OpenPoint } from './read-point.ts';

/**
 * The point with the key of its disks, for whoever reads them.
 * @param needed whether a missing key is told at once (transformKeyMissing), not only when a frame has to be opened: two
 * points that were transformed alike are compared without it
 */
export async function withTransformKey<P extends Pick<OpenPoint, 'snapshot' | 'manifest'>>(
  point: P,
  keys: TransformKeys,
  { needed }: { needed: boolean },
): Promise<P> {
  const { transform, client, backupUuid } = point.manifest;
  if (transform === null) return point;
  const found = await keys.find(transform.keyId);
  const key = () => {
    if (found !== undefined) return found;
    throw new AppError(
      'transformKeyMissing',
      `backup ${backupUuid} was transformed by client ${client.name} with the key ${transform.keyId}, which is not here`,
    );
  };
  if (needed) key();
  return { ...point, snapshot: point.snapshot.withKey(key) };
}
