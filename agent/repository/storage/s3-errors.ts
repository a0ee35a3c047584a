import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { parseErrorFields } from './s3-answers.ts';
import type { HttpAnswer } from './s3-exchange.ts';

/** An S3 server's refusal, as far as it decides something here. */
export interface S3Problem {
  status: number;
  /** S3's error code; empty when the answer had none, as with HEAD. */
  code: string;
  message: string;
  /** The region that the server names. */
  region: string | undefined;
  /** The server's time as it wrote it. */
  time: string | undefined;
}

/** Reads an answer that is no success. Nothing in it is trusted: texts are cut and cleaned for messages. */
export function readProblem({ status, headers, body }: HttpAnswer): S3Problem {
  const fields = parseErrorFields(body.toString('utf8'));
  const region = headers['x-amz-bucket-region'] ?? fields.get('Region');
  const time = fields.get('ServerTime') ?? headers.date;
  return {
    status,
    code: clean(fields.get('Code') ?? ''),
    message: clean(fields.get('Message') ?? ''),
    region: typeof region === 'string' && region !== '' ? clean(region) : undefined,
    time: time === undefined ? undefined : clean(time),
  };
}

/** Codes that mean nothing without somebody doing something; what is not here is told by its status. */
const known: Record<string, [ErrorCode, string?]> = {
  NoSuchKey: ['notFound'],
  InvalidAccessKeyId: ['storageDenied', 'Check the access key of the pool; the server does not know it.'],
  SignatureDoesNotMatch: ['storageDenied', 'Check the secret key of the pool.'],
  AccessDenied: [
    'storageDenied',
    'Give the access key of the pool the right to list, read, write and delete in the bucket.',
  ],
  NoSuchBucket: ['storageDenied', 'Create the bucket, or correct the address of the pool.'],
  AllAccessDisabled: ['storageDenied'],
  AccountProblem: ['storageDenied'],
  ExpiredToken: ['storageDenied'],
  InvalidObjectState: [
    'storageDenied',
    'The object lies in an archive class and must be restored on the server first; keep repositories out of such classes.',
  ],
  QuotaExceeded: ['storageFull', 'Raise the quota of the user or bucket, or delete backups.'],
  InsufficientStorage: ['storageFull'],
  XMinioStorageFull: ['storageFull'],
  XMinioAdminBucketQuotaExceeded: ['storageFull', 'Raise the quota of the bucket, or delete backups.'],
  // The bytes were damaged or lost on the way; the next try sends them again.
  XAmzContentSHA256Mismatch: ['storageFailed'],
  BadDigest: ['storageFailed'],
  IncompleteBody: ['storageFailed'],
  RequestTimeout: ['storageFailed'],
  OperationAborted: ['storageFailed'],
  SlowDown: ['storageFailed'],
};

/** The part of the pool's address or secrets that a code is about. */
const fields: Record<string, string> = {
  InvalidAccessKeyId: 'accessKey',
  SignatureDoesNotMatch: 'credential',
  NoSuchBucket: 'url',
};

/**
 * What callers are told about a refused request.
 * @param where the address of what was asked for
 * @param sentAt epoch ms, our time when the request was signed
 */
export function problemError(where: string, problem: S3Problem, sentAt: number): AppError {
  const { status, code, message, region } = problem;
  const said = [code, message].filter((text) => text !== '').join(': ') || `status ${status}`;
  if (code === 'RequestTimeTooSkewed') return clockError(where, problem, sentAt);
  if (region !== undefined && (code === 'AuthorizationHeaderMalformed' || (status >= 300 && status < 400))) {
    return new AppError('storageDenied', `${where}: the bucket lies in the region ${region} (${said})`, {
      field: 'region',
      hint: `Set the region of the pool to ${region}.`,
    });
  }
  const [kind, hint] = (Object.hasOwn(known, code) ? known[code] : undefined) ?? byStatus(status);
  if (kind === 'notFound') return new AppError('notFound', `${where} does not exist`);
  if (kind === 'storageFull') return new AppError('storageFull', `no space left to write ${where}: ${said}`, { hint });
  const verb = kind === 'storageDenied' ? 'refuses' : 'answered';
  return new AppError(kind, `${where}: the server ${verb}: ${said}`, { hint, field: fieldOf(code) });
}

function fieldOf(code: string): string | undefined {
  return Object.hasOwn(fields, code) ? fields[code] : undefined;
}

function byStatus(status: number): [ErrorCode, string?] {
  if (status === 404) return ['notFound'];
  if (status === 507) return ['storageFull'];
  if (status >= 300 && status < 400)
    return ['storageDenied', 'The server sends us elsewhere: correct the address or the region of the pool.'];
  if (status === 501) return ['storageDenied', 'The server does not know this request: is it an S3 server?'];
  if (status < 300 || status >= 500 || [408, 409, 425, 429].includes(status)) return ['storageFailed'];
  return ['storageDenied'];
}

function clockError(where: string, { time = 'not told' }: S3Problem, sentAt: number): AppError {
  const ours = new Date(sentAt).toUTCString();
  return new AppError('storageDenied', `${where}: the clocks of client and server differ too much`, {
    hint: `The server's time is ${time}, this client's ${ours}: set the one that is wrong, best by NTP.`,
  });
}

function clean(text: string): string {
  return text
    .slice(0, 300)
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}
