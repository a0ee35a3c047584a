import { spawn } from 'node:child_process';
import { AppError } from '../errors.ts';

export interface RunOptions {
  /** Milliseconds after which the program is killed and `timeout` thrown. Default 60 000. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** Written to standard input, which is closed afterwards. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Exit codes that are no failure. Default [0]. */
  okCodes?: readonly number[];
  /** Longest standard output in bytes. Default 64 MiB. */
  maxOutputBytes?: number;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

const stderrLimit = 64 * 1024;

/**
 * Runs a program with an argument list (never a shell) and collects what it prints.
 * @throws AppError programMissing when it is not installed, programFailed with its standard error when it exits
 *   otherwise than `okCodes`, timeout, cancelled when `signal` is aborted.
 */
export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 60_000, signal, input, okCodes = [0], maxOutputBytes = 64 * 1024 * 1024 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...(options.env ?? process.env), LC_ALL: 'C' },
    });
    const out: Buffer[] = [];
    let outBytes = 0;
    let stderr = '';
    let failure: AppError | undefined;
    const stop = (error: AppError) => {
      failure ??= error;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(
      () => stop(new AppError('timeout', `${program} did not finish in ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onAbort = () => stop(new AppError('cancelled', `${program} was cancelled`));
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    child.stdout.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes > maxOutputBytes)
        stop(new AppError('programFailed', `${program} printed more than ${maxOutputBytes} bytes`));
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < stderrLimit) stderr += chunk.toString('utf8');
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure ??=
        error.code === 'ENOENT' ? missing(program) : new AppError('programFailed', `${program}: ${error.message}`);
    });
    // A program that ends without reading its input closes the pipe: its exit code tells more than EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    child.on('close', (code) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const exitCode = code ?? -1;
      if (failure !== undefined) reject(failure);
      else if (!okCodes.includes(exitCode)) reject(failed(program, exitCode, stderr));
      else resolve({ stdout: Buffer.concat(out).toString('utf8'), stderr, exitCode });
    });
  });
}

const packages: Record<string, string> = {
  virsh: 'libvirt-clients',
  'qemu-nbd': 'qemu-utils',
  'qemu-img': 'qemu-utils',
  'qemu-storage-daemon': 'qemu-system-common',
};

function missing(program: string): AppError {
  const debian = packages[program];
  return new AppError('programMissing', `the program ${program} is not installed on this host`, {
    hint: debian === undefined ? `Install ${program}.` : `Install it, on Debian: apt-get install ${debian}`,
  });
}

function failed(program: string, exitCode: number, stderr: string): AppError {
  const text = stderr.trim();
  return new AppError('programFailed', `${program}: ${text === '' ? `exit code ${exitCode}` : text}`);
}
