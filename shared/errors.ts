import { z } from 'zod';

/**
 * What kind of failure a code is; it decides the exit code of the command lines
 * (DESIGN §9: usage 2, rights 3, failure 1).
 */
export type ErrorClass = 'usage' | 'rights' | 'failure';

/** Every error code of the product. Codes are stable; cause and action stand in assets/locales/errors.*.json. */
export const errorClasses = {
  // what the caller gave
  invalidValue: 'usage',
  notFound: 'usage',
  ambiguous: 'usage',
  nameTaken: 'usage',
  inUse: 'usage',
  confirmationNeeded: 'usage',
  databaseTooNew: 'usage',
  unknownMethod: 'usage',
  // who the caller is
  notSignedIn: 'rights',
  wrongCredentials: 'rights',
  noRight: 'rights',
  rateLimited: 'rights',
  clientUnauthorized: 'rights',
  clientRemoved: 'rights',
  certificateMismatch: 'rights',
  duplicateHwid: 'rights',
  hostKeyUnknown: 'rights',
  hostKeyMismatch: 'rights',
  sshDenied: 'rights',
  // reaching each other
  engineUnreachable: 'failure',
  clientOffline: 'failure',
  agentInUse: 'failure',
  sshFailed: 'failure',
  incompatible: 'failure',
  connectionLost: 'failure',
  messageTooLarge: 'failure',
  timeout: 'failure',
  portInUse: 'failure',
  alreadyRunning: 'failure',
  // jobs
  cancelled: 'failure',
  agentStopped: 'failure',
  jobLost: 'failure',
  noClientReachesBoth: 'failure',
  otherRepository: 'failure',
  // repositories
  notEmpty: 'failure',
  wrongPassword: 'failure',
  notSameRepository: 'failure',
  poolNotReachable: 'failure',
  repositoryLocked: 'failure',
  lockLost: 'failure',
  repositoryDamaged: 'failure',
  storageFull: 'failure',
  storageDenied: 'failure',
  storageFailed: 'failure',
  backupMissing: 'failure',
  transformKeyMissing: 'failure',
  // platforms and disks
  platformUnreachable: 'failure',
  objectVanished: 'failure',
  objectBusy: 'failure',
  diskMissing: 'failure',
  diskUnsupported: 'failure',
  diskReadFailed: 'failure',
  exportFailed: 'failure',
  programMissing: 'failure',
  programFailed: 'failure',
  deployImpossible: 'failure',
  consistencyNotReached: 'failure',
  guestAgentFailed: 'failure',
  unsupported: 'usage',
  scratchFull: 'failure',
  internal: 'failure',
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof errorClasses;

/** Narrows text from outside to a code this build knows. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorClasses, text);
}

/** The error as it crosses a process: {code, message, field?, cause?, hint?} (DESIGN §4). */
export const wireErrorSchema = z.object({
  code: z.string().transform((code): ErrorCode => (isErrorCode(code) ? code : 'internal')),
  message: z.string(),
  field: z.string().optional(),
  cause: z.string().optional(),
  hint: z.string().optional(),
});
export type WireError = z.output<typeof wireErrorSchema>;

export interface ErrorDetails {
  /** The parameter that is wrong, as the contract names it. */
  field?: string | undefined;
  /** What to do, when the general action of the code is too vague. */
  hint?: string | undefined;
  cause?: unknown;
}

/** The one error that crosses a process boundary; everything else becomes `internal` at the dispatcher. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.hint = details.hint;
  }
}

/** Text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Turns anything thrown into the wire shape; an unknown error becomes `internal` with its message. */
export function toWireError(error: unknown): WireError {
  const known = error instanceof AppError ? error : new AppError('internal', messageOf(error));
  return {
    code: known.code,
    message: known.message,
    ...(known.field === undefined ? {} : { field: known.field }),
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    ...(known.cause === undefined ? {} : { cause: messageOf(known.cause) }),
  };
}

/** The reverse of {@link toWireError}. */
export function fromWireError(wire: WireError): AppError {
  return new AppError(wire.code, wire.message, { field: wire.field, hint: wire.hint, cause: wire.cause });
}

/** True for an AppError with that code. */
export function hasCode(error: unknown, code: ErrorCode): error is AppError {
  return error instanceof AppError && error.code === code;
}

/** Exit code of the command lines for a code (DESIGN §9). */
export function exitCodeOf(code: ErrorCode): 1 | 2 | 3 {
  const kind: ErrorClass = errorClasses[code];
  return kind === 'usage' ? 2 : kind === 'rights' ? 3 : 1;
}
