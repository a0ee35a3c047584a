import { printError } from '../shared/node/print.ts';
import { errorHelp } from './error-help.ts';

export {
  bytes,
  confirmOrThrow,
  confirmOrWarn,
  isJson,
  note,
  printObject,
  printRows,
  time,
  wantJson,
} from '../shared/node/print.ts';

/** Prints an error as documented and gives the exit code. */
export function reportError(error: unknown): number {
  return printError(error, (code) => errorHelp(code).action);
}
