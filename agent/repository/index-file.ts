import { type BlobType, idBytes } from './blob-id.ts';

/** One blob of a pack as index and pack header tell it. */
export interface PackedBlob {
  /** When it is another than that of its pack: only foreign packs are mixed. */
  type?: BlobType;
  id: Buffer;
  offset: number;
  /** Stored bytes, sealing included. */
  length: number;
  plainLength: number;
  compressed: boolean;
}

/** A pack that stands in the repository. All its blobs are of one type. */
export interface FinishedPack {
  name: string;
  type: BlobType;
  blobs: readonly PackedBlob[];
}

/** Upper bound of one blob's JSON, see {@link encodeIndex}. */
const blobJsonBytes = 190;

/** The JSON of an index file, built as bytes because 50 000 blobs make 8 MB. */
export function encodeIndex(packs: readonly FinishedPack[]): Buffer {
  const blobs = packs.reduce((sum, pack) => sum + pack.blobs.length, 0);
  const target = Buffer.allocUnsafe(64 + packs.length * 100 + blobs * blobJsonBytes);
  let at = target.write('{"packs":[', 0, 'latin1');
  packs.forEach((pack, i) => {
    at += target.write(`${i === 0 ? '' : ','}{"id":"${pack.name}","blobs":[`, at, 'latin1');
    pack.blobs.forEach((blob, k) => {
      at += target.write(`${k === 0 ? '' : ','}${blobJson(blob.type ?? pack.type, blob)}`, at, 'latin1');
    });
    at += target.write(']}', at, 'latin1');
  });
  at += target.write(']}', at, 'latin1');
  return target.subarray(0, at);
}

function blobJson(type: BlobType, blob: PackedBlob): string {
  const id = blob.id.toString('hex', 0, idBytes);
  // Present if and only if the blob is compressed: a wrong value here makes restic restore to wrong offsets.
  const plain = blob.compressed ? `,"uncompressed_length":${blob.plainLength}` : '';
  return `{"id":"${id}","type":"${type}","offset":${blob.offset},"length":${blob.length}${plain}}`;
}
