import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { AppError, fromWireError } from '../shared/errors.ts';
import type { Logger } from '../shared/node/log.ts';
import { fromEngineSchema, type ToEngine } from './engine-messages.ts';

export interface EngineHostOptions {
  /** The engine's program and its arguments. */
  script: string;
  args: string[];
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export interface Conversation {
  port: MessagePortMain;
  firstToken: string | undefined;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** An engine that worked this long is not counted as failing again and again. */
const steadyMs = 60_000;
const stopMs = 8000;

interface Ready {
  process: UtilityProcess;
  firstToken: string | undefined;
}

/** Keeps one engine process running and hands out conversations with it. */
export class EngineHost {
  private readonly options: EngineHostOptions;
  private process: UtilityProcess | undefined;
  private ready: PromiseWithResolvers<Ready> = waiter();
  private reason: AppError | undefined;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(options: EngineHostOptions) {
    this.options = options;
  }

  /** Starts the process; when it ends by itself it is started again after a growing pause. */
  start(): void {
    const { script, args, log } = this.options;
    const startedAt = Date.now();
    const child = utilityProcess.fork(script, args, { serviceName: 'Holdfast engine', stdio: 'inherit' });
    this.process = child;
    this.reason = undefined;
    child.on('message', (message: unknown) => this.heard(child, message));
    child.once('exit', (code) => {
      this.process = undefined;
      if (Date.now() - startedAt >= steadyMs) this.failures = 0;
      this.lose(this.reason ?? new AppError('engineUnreachable', `the engine ended with exit code ${code}`));
      if (this.stopping) return;
      const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** this.failures++);
      log.warn({ exitCode: code, pauseMs: pause }, 'the engine ended; it is started again');
      this.timer = setTimeout(() => this.start(), pause);
    });
  }

  /**
   * A new conversation; waits for an engine that is just starting.
   * @throws AppError with the engine's reason when it does not start, engineUnreachable while it is down
   */
  async connect(): Promise<Conversation> {
    if (this.process === undefined) throw this.reason ?? new AppError('engineUnreachable', 'the engine does not run');
    const { process: child, firstToken } = await this.ready.promise;
    const { port1, port2 } = new MessageChannelMain();
    send(child, { kind: 'console' }, [port1]);
    return { port: port2, firstToken };
  }

  /** Lets the engine end in order; kills it when it does not. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    const child = this.process;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill(), stopMs);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      send(child, { kind: 'stop' });
    });
  }

  private heard(child: UtilityProcess, value: unknown): void {
    const message = fromEngineSchema.safeParse(value);
    if (!message.success) {
      this.options.log.error({ reason: message.error.message }, 'the engine process sent a malformed message');
    } else if (message.data.kind === 'ready') {
      this.options.log.info('the engine is ready');
      this.ready.resolve({ process: child, firstToken: message.data.firstToken });
    } else {
      this.reason = fromWireError(message.data.error);
      this.options.log.error({ code: this.reason.code }, this.reason.message);
      child.kill();
    }
  }

  private lose(reason: AppError): void {
    this.reason = reason;
    this.ready.reject(reason);
    this.ready = waiter();
  }
}

function send(child: UtilityProcess, message: ToEngine, ports: MessagePortMain[] = []): void {
  child.postMessage(message, ports);
}

/** Nobody may be waiting: its rejection is then no error of its own. */
function waiter(): PromiseWithResolvers<Ready> {
  const made = Promise.withResolvers<Ready>();
  made.promise.catch(() => undefined);
  return made;
}
