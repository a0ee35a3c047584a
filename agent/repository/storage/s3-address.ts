import { AppError } from '../../../shared/errors.ts';

/** Where a repository lies on an S3 server; requests name the bucket in the path. */
export interface S3Address {
  isTls: boolean;
  /** Without brackets. */
  host: string;
  port: number;
  /** As the Host header carries it: with brackets and without a default port. */
  authority: string;
  bucket: string;
  /** What all keys begin with: empty, or without a leading and with a trailing slash. */
  prefix: string;
  /** For messages. */
  location: string;
}

const bucketPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/u;
/** A key may have 1024 bytes; the longest name in a repository takes 72 of them. */
const longestPrefixBytes = 900;

/** Reads `http(s)://host[:port]/bucket[/prefix]`. @throws AppError invalidValue */
export function parseS3Address(text: string): S3Address {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '')
    throw invalid('is not of the form https://host/bucket/prefix');
  if (url.username !== '' || url.password !== '')
    throw invalid('holds a user or password', 'Give the access key and the secret key in their own fields.');
  if (url.search !== '' || url.hash !== '') throw invalid('ends with a question mark or a number sign');
  const [bucket = '', ...folders] = segmentsOf(url.pathname);
  if (!bucketPattern.test(bucket)) throw invalid(`names no proper bucket: ${JSON.stringify(bucket)}`);
  const prefix = folders.map((folder) => `${folder}/`).join('');
  if (Buffer.byteLength(prefix) > longestPrefixBytes) throw invalid('is too long');
  const isTls = url.protocol === 'https:';
  return {
    isTls,
    host: url.hostname.replace(/^\[(.*)\]$/u, '$1'),
    port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
    authority: url.host,
    bucket,
    prefix,
    location: `${url.origin}/${bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,
  };
}

function segmentsOf(path: string): string[] {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch (error) {
    throw invalid('holds a percent sign that stands for nothing', undefined, error);
  }
}

/** The address itself is left out: it may hold a password that somebody put there by mistake. */
function invalid(problem: string, hint?: string, cause?: unknown): AppError {
  return new AppError('invalidValue', `the address of the S3 storage ${problem}`, { hint, cause });
}
