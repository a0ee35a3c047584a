import { AppError, hasCode } from '../../../shared/errors.ts';
import { runProgram } from '../../../shared/node/run-program.ts';

/** libvirt gives up waiting for a lock after 30 s; its own text tells more than our timeout. */
const callLimitMs = 60_000;

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/** Calls of virsh on one connection; each is a program run with an argument list. */
export class Virsh {
  readonly uri: string;

  constructor(uri: string) {
    this.uri = uri;
  }

  /**
   * Runs one virsh command and returns its standard output.
   * @throws AppError programMissing, platformUnreachable, objectVanished, objectBusy, programFailed, timeout, cancelled
   */
  async run(args: readonly string[], signal?: AbortSignal): Promise<string> {
    try {
      const { stdout } = await runProgram('virsh', ['--quiet', '--connect', this.uri, ...args], {
        timeoutMs: callLimitMs,
        signal,
      });
      return stdout;
    } catch (error) {
      throw translate(error, this.uri);
    }
  }

  /**
   * XML of many domains with one connection; those that vanished meanwhile are left out.
   * @param uuids at most some hundreds, lower case
   */
  async dumpAll(uuids: readonly string[], signal: AbortSignal): Promise<string[]> {
    if (uuids.length === 0) return [];
    const unsafe = uuids.find((uuid) => !uuidPattern.test(uuid));
    if (unsafe !== undefined) throw new AppError('internal', `${unsafe} is not a UUID`);
    const text = await this.runBatch(
      uuids.map((uuid) => ['dumpxml', uuid]),
      signal,
    );
    return text.match(/^<domain[ >].*?^<\/domain>$/gmsu) ?? [];
  }

  /**
   * Runs several commands with one connection and returns what all of them print; those that fail print nothing.
   * @param commands words that need no quoting
   */
  async runBatch(commands: readonly (readonly string[])[], signal?: AbortSignal): Promise<string> {
    return (await this.runAll(commands, signal)).stdout;
  }

  /** The same, with the errors of those that fail. */
  async runAll(
    commands: readonly (readonly string[])[],
    signal?: AbortSignal,
  ): Promise<{ stdout: string; stderr: string }> {
    if (commands.length === 0) return { stdout: '', stderr: '' };
    const unsafe = commands.flat().find((word) => !/^[A-Za-z0-9-]+$/u.test(word));
    if (unsafe !== undefined) throw new AppError('internal', `${unsafe} cannot be part of a list of commands`);
    // One argument with semicolons is virsh's own way of running a list of commands.
    const args = ['--quiet', '--connect', this.uri, commands.map((words) => words.join(' ')).join('; ')];
    try {
      return await runProgram('virsh', args, {
        timeoutMs: callLimitMs + commands.length * 1000,
        signal,
        okCodes: [0, 1],
      });
    } catch (error) {
      throw translate(error, this.uri);
    }
  }
}

const meanings: readonly {
  pattern: RegExp;
  code: 'platformUnreachable' | 'objectVanished' | 'objectBusy';
  hint?: string;
}[] = [
  {
    pattern:
      /failed to connect to the hypervisor|cannot connect to|Connection refused|end of file while reading data/iu,
    code: 'platformUnreachable',
    hint: 'Is libvirtd running on the client, and may the agent use it? Try: virsh -c URI list',
  },
  { pattern: /failed to get domain|Domain not found|no domain with matching/iu, code: 'objectVanished' },
  {
    pattern: /cannot acquire state change lock|already in active block job|has a blockjob assigned|another job/iu,
    code: 'objectBusy',
    hint: 'Another backup, snapshot or migration of this virtual machine is running; see virsh domjobinfo.',
  },
];

function translate(error: unknown, uri: string): unknown {
  if (!hasCode(error, 'programFailed')) return error;
  const text = error.message.replaceAll(/\s*\n\s*/gu, ' ').replaceAll('error: ', '');
  for (const { pattern, code, hint } of meanings) {
    if (pattern.test(text))
      return new AppError(code, code === 'platformUnreachable' ? `${uri}: ${text}` : text, { hint, cause: error });
  }
  return new AppError('programFailed', text, { cause: error });
}
