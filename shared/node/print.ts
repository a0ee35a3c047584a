import { AppError, type ErrorCode, exitCodeOf, toWireError } from '../errors.ts';

/** Set once from --json. */
let jsonWanted = false;

export function wantJson(value: boolean): void {
  jsonWanted = value;
}

export function isJson(): boolean {
  return jsonWanted;
}

type Row = Record<string, unknown>;

/** Standard output carries only this (DESIGN §9): an array with --json, else a table. */
export function printRows<T extends object>(rows: readonly T[], columns: Array<[string, (row: T) => unknown]>): void {
  if (jsonWanted) return printJson(rows);
  if (rows.length === 0) return note('Nothing to list.');
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, value]) => text(value(row))))];
  const widths = columns.map((_column, index) => Math.max(...cells.map((line) => (line[index] ?? '').length)));
  for (const line of cells) {
    process.stdout.write(
      `${line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

/** One object: JSON with --json, else `key: value` lines. */
export function printObject(value: object): void {
  if (jsonWanted) return printJson(value);
  for (const [key, field] of Object.entries(value as Row)) process.stdout.write(`${key}: ${text(field)}\n`);
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined)}\n`);
}

/** Everything that is no answer goes to standard error. */
export function note(message: string): void {
  process.stderr.write(`${message}\n`);
}

/**
 * Prints an error as documented and gives the exit code. Without --json the words go to standard error only.
 * @param actionOf what to do in general about such an error, for those that bring no hint of their own
 */
export function printError(error: unknown, actionOf: (code: ErrorCode) => string): number {
  const wire = toWireError(error);
  const hint = wire.hint ?? actionOf(wire.code);
  const { code, message, field } = wire;
  if (jsonWanted)
    process.stdout.write(
      `${JSON.stringify({ error: { code, message, ...(field === undefined ? {} : { field }), hint } })}\n`,
    );
  const isNews = wire.cause !== undefined && !message.includes(wire.cause);
  note(`${code}: ${message}${isNews ? ` (${wire.cause})` : ''}\n${hint}`);
  return exitCodeOf(code);
}

/** Bytes in binary units. */
export function bytes(value: number | null): string {
  if (value === null) return '';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = value < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${power === 0 ? value : (value / 1024 ** power).toPrecision(3)} ${units[power] ?? ''}`;
}

/** Epoch ms in this machine's zone. */
export function time(value: number | null): string {
  return value === null ? '' : new Date(value).toLocaleString('sv-SE', { timeZoneName: 'short' });
}

/** Terminal escapes in names of VMs or clients must not reach the terminal. */
function text(value: unknown): string {
  const raw =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value as string | number | boolean);
  return raw.replace(/\p{Cc}/gu, '�');
}

/** Whether there is a person to ask. */
function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks before something doubtful; without a terminal it goes on with the warning (DETAILS 24). @throws AppError confirmationNeeded */
export async function confirmOrWarn(warning: string, question: string, yes: boolean): Promise<void> {
  if (!yes && hasTerminal()) return confirmOrThrow(`${warning} ${question}`, false);
  note(warning);
}

/** Asks before something is destroyed; without a terminal --yes is needed (DETAILS 24). @throws AppError confirmationNeeded */
export async function confirmOrThrow(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  const refuse = (code: ErrorCode, message: string) =>
    new AppError(code, message, { hint: 'Repeat the command with --yes.' });
  if (!hasTerminal()) throw refuse('confirmationNeeded', question);
  const { createInterface } = await import('node:readline/promises');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`${question} [y/N] `);
  prompt.close();
  if (!/^y(es)?$/iu.test(answer.trim())) throw refuse('confirmationNeeded', 'not confirmed; nothing was done');
}
