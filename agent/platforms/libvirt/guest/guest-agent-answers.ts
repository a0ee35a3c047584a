import { z } from 'zod';

/** One reply of qemu-ga has at most 10 MiB: libvirt throws away longer ones. */
export const maxAnswerBytes = 12 * 1024 * 1024;
/** How much of what a script printed is looked at, in characters of base64; divisible by 4. */
const maxBase64 = 8192;

const execSchema = z.object({ return: z.object({ pid: z.number().int().positive().max(Number.MAX_SAFE_INTEGER) }) });

const statusSchema = z.object({
  return: z.object({
    exited: z.boolean(),
    exitcode: z.number().int().min(-0x80000000).max(0xffffffff).optional(),
    signal: z.number().int().min(0).max(0xffffffff).optional(),
    'err-data': z.string().optional(),
    'out-data': z.string().optional(),
  }),
});

/** How a program in the guest stands. */
export interface ExecStatus {
  readonly exited: boolean;
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  /** The beginning of its error output, or of its output when that is empty; not cleaned. */
  readonly output: string;
}

/** Reads the answer to guest-exec. @returns its PID; undefined when it is no such answer */
export function parseExecAnswer(text: string): number | undefined {
  return parse(execSchema, text)?.return.pid;
}

/** Reads the answer to guest-exec-status, which a hostile guest may have written. @returns undefined when it is none */
export function parseStatusAnswer(text: string): ExecStatus | undefined {
  const status = parse(statusSchema, text)?.return;
  if (status === undefined) return undefined;
  const data = status['err-data'] ?? '';
  return {
    exited: status.exited,
    exitCode: status.exitcode,
    signal: status.signal,
    output: decode(data === '' ? (status['out-data'] ?? '') : data),
  };
}

function decode(base64: string): string {
  return Buffer.from(base64.slice(0, maxBase64), 'base64').toString('utf8');
}

function parse<T extends z.ZodType>(schema: T, text: string): z.output<T> | undefined {
  if (text.length > maxAnswerBytes) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
