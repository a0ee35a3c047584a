import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { S3Storage } from '../../../../agent/repository/storage/s3.ts';
import { BufferSource, testBytes } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import {
  backUp,
  diskPath,
  existingRepository,
  newRepository,
  storeDisk,
  vmTree,
} from '../../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import type { PeerLogin } from '../../../helpers/s3-peer/check-signature.ts';
import { startS3 } from '../../../helpers/s3-peer/s3-storages.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

const MiB = 1024 * 1024;

/** How restic is told the keys: by its environment. */
function environment({ accessKey, secretKey }: PeerLogin): NodeJS.ProcessEnv {
  return { ...process.env, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
}

async function resticOn(storage: S3Storage): Promise<Restic> {
  return Restic.at(storage.location);
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('restic over S3', () => {
  it('checks and reads what we wrote, and we what restic wrote', async () => {
    const { peer, storage } = await startS3({ prefix: 'some/where' });
    const repository = await newRepository(storage);
    const disk = testBytes(20 * MiB, 3);
    const { finished } = await backUp(
      repository,
      (writer) => storeDisk(writer, new BufferSource(disk)),
      (stored) => vmTree({ vda: stored.content }),
    );
    const restic = await resticOn(storage);
    const env = environment(peer.login);
    const { stdout } = await restic.run(['check', '--read-data'], { env });
    expect(stdout).toContain('no errors were found');
    const { stdout: listed } = await restic.run(['ls', finished.snapshotId], { env });
    expect(listed).toContain(diskPath());
    await restic.run(['tag', '--add', 'seen', finished.snapshotId], { env });
    const again = await existingRepository(storage);
    expect((await again.listSnapshots()).map(({ tags }) => tags.includes('seen'))).toEqual([true]);
  });

  it('makes a repository and a backup that we open', async () => {
    const { peer, storage } = await startS3({ withoutBucket: true });
    const restic = await resticOn(storage);
    const env = environment(peer.login);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), testBytes(2 * MiB, 9));
    await restic.run(['init', '--repository-version', '2'], { env });
    await restic.run(['backup', folder], { env });
    expect(await storage.isEmpty()).toBe(false);
    expect(await (await existingRepository(storage)).listSnapshots()).toHaveLength(1);
  });
});
