import { AppError, messageOf } from '../../../shared/errors.ts';

/** A request that is answered with something else than success. The text is shown to the client. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, text: string, headers: Record<string, string> = {}) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/** What a client is told; `internal` is for our log only. */
export interface Told {
  refusal: Refusal;
  internal?: string;
}

/** Turns whatever was thrown into an answer; paths of this machine stay here. */
export function toldOf(error: unknown): Told {
  if (error instanceof Refusal) return { refusal: error };
  const internal = messageOf(error);
  const code = error instanceof AppError ? error.code : errnoOf(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'notFound':
    case 'invalidValue':
      return { refusal: new Refusal(404, 'not found') };
    case 'ENOSPC':
    case 'EDQUOT':
    case 'storageFull':
      return { refusal: new Refusal(507, 'no space left on the server'), internal };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'storageDenied':
      return { refusal: new Refusal(403, 'the server may not do this in its folder'), internal };
    default:
      return { refusal: new Refusal(500, 'the server failed; its log says why'), internal };
  }
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
