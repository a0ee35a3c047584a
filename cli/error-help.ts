import english from '../assets/locales/errors.en.json' with { type: 'json' };
import type { ErrorCode } from '../shared/errors.ts';

/** Likely cause and what to do; a code without them does not compile. */
const help: Record<ErrorCode, { cause: string; action: string }> = english;

export function errorHelp(code: ErrorCode): { cause: string; action: string } {
  return help[code];
}
