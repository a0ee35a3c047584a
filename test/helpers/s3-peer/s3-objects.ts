import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface StoredObject {
  bytes: Buffer;
  /** With quotes. */
  etag: string;
  modifiedAt: number;
}

/** The buckets of the peer: in memory, and in a folder too when it has one. */
export class S3Objects {
  readonly buckets = new Map<string, Map<string, StoredObject>>();
  readonly #folder: string | undefined;

  private constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** @param folder what an earlier peer left there is there again */
  static async open(folder?: string): Promise<S3Objects> {
    const objects = new S3Objects(folder);
    if (folder === undefined) return objects;
    for (const bucket of await readdir(folder)) {
      await objects.makeBucket(bucket);
      for (const name of await readdir(join(folder, bucket)))
        objects.#keep(bucket, decodeURIComponent(name.slice(1)), await readFile(join(folder, bucket, name)));
    }
    return objects;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const bucket of this.buckets.values()) for (const { bytes } of bucket.values()) sum += bytes.length;
    return sum;
  }

  async makeBucket(bucket: string): Promise<void> {
    if (!this.buckets.has(bucket)) this.buckets.set(bucket, new Map());
    if (this.#folder !== undefined) await mkdir(join(this.#folder, bucket), { recursive: true });
  }

  async put(bucket: string, key: string, bytes: Buffer): Promise<StoredObject> {
    if (this.#folder !== undefined) await writeFile(this.#path(bucket, key), bytes);
    return this.#keep(bucket, key, bytes);
  }

  async remove(bucket: string, key: string): Promise<void> {
    this.buckets.get(bucket)?.delete(key);
    if (this.#folder !== undefined) await rm(this.#path(bucket, key), { force: true });
  }

  #keep(bucket: string, key: string, bytes: Buffer): StoredObject {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const stored = { bytes, etag, modifiedAt: Date.now() };
    this.buckets.get(bucket)?.set(key, stored);
    return stored;
  }

  /** A letter in front, since a key may be a dot. */
  #path(bucket: string, key: string): string {
    return join(this.#folder ?? '', bucket, `k${encodeURIComponent(key)}`);
  }
}
