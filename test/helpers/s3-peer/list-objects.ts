import type { StoredObject } from './s3-objects.ts';
import { escapeXml, S3Refusal } from './s3-refusal.ts';

const knownParameters = [
  ...['list-type', 'prefix', 'max-keys', 'encoding-type', 'continuation-token', 'start-after', 'delimiter'],
  'fetch-owner',
];
/** No server sends more. */
const largestPage = 1000;

/** The document that answers ListObjectsV2. @param most keys on a page, whatever is asked for */
export function listObjects(
  objects: ReadonlyMap<string, StoredObject>,
  query: URLSearchParams,
  most = largestPage,
): string {
  for (const name of query.keys())
    if (!knownParameters.includes(name)) throw new S3Refusal(501, 'NotImplemented', `list with ${name}`);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : readToken(token);
  const wanted = Math.min(Number(query.get('max-keys') ?? largestPage), most, largestPage);
  const found = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes);
  const rows = delimiter === '' ? found : [...new Set(found.map((key) => rolledUp(key, prefix, delimiter)))];
  const rest = rows.filter((row) => byBytes(row, after) > 0);
  const page = rest.slice(0, wanted);
  const isTruncated = rest.length > page.length;
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : (text: string) => text;
  const row = (key: string) => {
    const object = objects.get(key);
    if (object === undefined) return `<CommonPrefixes><Prefix>${escapeXml(encode(key))}</Prefix></CommonPrefixes>`;
    return `<Contents><Key>${escapeXml(encode(key))}</Key><LastModified>${new Date(object.modifiedAt).toISOString()}</LastModified><ETag>${escapeXml(object.etag)}</ETag><Size>${object.bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Prefix>${escapeXml(encode(prefix))}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${wanted}</MaxKeys>`,
    query.get('encoding-type') === 'url' ? '<EncodingType>url</EncodingType>' : '',
    `<IsTruncated>${isTruncated}</IsTruncated>`,
    isTruncated ? `<NextContinuationToken>${makeToken(page.at(-1) ?? after)}</NextContinuationToken>` : '',
    ...page.map(row),
    '</ListBucketResult>',
  ].join('');
}

function rolledUp(key: string, prefix: string, delimiter: string): string {
  const end = key.indexOf(delimiter, prefix.length);
  return end === -1 ? key : key.slice(0, end + delimiter.length);
}

/** Tokens mean nothing to a client: characters that need encoding show whether it sends them back as they were. */
function makeToken(key: string): string {
  return `+/= &${Buffer.from(key).toString('base64')}`.replaceAll('&', '&amp;');
}

function readToken(token: string): string {
  if (!token.startsWith('+/= &')) throw new S3Refusal(400, 'InvalidArgument', 'not a token of this server');
  return Buffer.from(token.slice(5), 'base64').toString();
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
