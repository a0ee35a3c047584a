import { onTestFinished } from 'vitest';
import { type S3Options, S3Storage } from '../../../agent/repository/storage/s3.ts';
import { S3Peer } from './s3-peer.ts';

export interface PeerStorageOptions extends Partial<S3Options> {
  prefix?: string;
}

/** A storage in the bucket `bucket` of the peer; closed after the test. */
export function storageOn(peer: S3Peer, { prefix = '', ...options }: PeerStorageOptions = {}): S3Storage {
  const url = `${peer.url}/bucket${prefix === '' ? '' : `/${encodeURI(prefix)}`}`;
  const storage = new S3Storage({ url, ...peer.login, stallMs: 5000, ...options });
  onTestFinished(() => storage.close());
  return storage;
}

/** A peer with an empty bucket and a storage in it. */
export async function startS3({
  withoutBucket = false,
  ...options
}: PeerStorageOptions & { withoutBucket?: boolean } = {}) {
  const peer = await S3Peer.start();
  if (!withoutBucket) await peer.objects.makeBucket('bucket');
  return { peer, storage: storageOn(peer, options) };
}
