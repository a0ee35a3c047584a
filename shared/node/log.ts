import { destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Field names whose values never reach a log line, at any of these depths. */
const secretFields = ['password', 'secret', 'secrets', 'token', 'passphrase'];

/**
 * A JSON logger on standard error: standard output belongs to what a command prints (DESIGN §9).
 * @param name the program, shown in every line.
 */
export function createLogger(name: string, level = process.env['HOLDFAST_LOG_LEVEL'] ?? 'info'): Logger {
  return pino(
    { name, level, redact: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]) },
    destination({ dest: 2, sync: true }),
  );
}
