import {
  type CancellationToken,
  CancellationTokenSource,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ParameterStructures,
  ProgressType,
  ResponseError,
} from 'vscode-jsonrpc';
import { AppError, fromWireError, messageOf, toWireError, wireErrorSchema } from '../errors.ts';
import type { CallControl, Contract, MethodName, ParamsIn, ResultOut } from '../contract/method.ts';
import { type Notice, noticeMethod, noticeSchema } from '../contract/notice.ts';
import { createAbort, type Abort } from './abort.ts';
import type { Channel } from './channel.ts';
import { channelReader, channelWriter } from './channel-streams.ts';
import { parseResult } from './parse.ts';

/** Answers one call from the far side; throws AppError. */
export type Dispatch = (method: string, params: unknown, control: CallControl) => Promise<unknown>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: (percent: number) => void;
  /** Milliseconds; the call is cancelled and rejected with `timeout`. Default: none. */
  timeoutMs?: number;
}

const percentType = new ProgressType<number>();

/**
 * One end of a JSON-RPC 2.0 conversation over any channel: calls with cancel and progress, answers by `dispatch`,
 * carries notices. `Remote` is the contract of the far side.
 */
export class Peer<Remote extends Contract> {
  private readonly connection: MessageConnection;
  private readonly contract: Remote;
  private readonly channel: Channel;
  private readonly running = new Set<Abort>();
  private nextToken = 1;
  private closedWith: string | undefined;

  constructor(channel: Channel, remote: Remote, dispatch: Dispatch) {
    this.contract = remote;
    this.channel = channel;
    this.connection = createMessageConnection(channelReader(channel), channelWriter(channel));
    this.connection.onRequest((method, params, token) => this.answer(dispatch, method, params, token));
    // A frame that is JSON but no JSON-RPC ends the conversation: whoever sent it does not speak our protocol.
    this.connection.onError(([error]) => channel.close(`malformed message: ${error.message}`));
    channel.onClose((reason) => {
      this.closedWith = reason;
      for (const abort of this.running) abort.abort();
      this.connection.dispose();
    });
    this.connection.listen();
  }

  /**
   * Calls a method of the far side and checks its answer.
   * @throws AppError the far side's error, connectionLost, timeout, cancelled
   */
  async call<K extends MethodName<Remote>>(
    method: K,
    params: ParamsIn<Remote[K]>,
    options: CallOptions = {},
  ): Promise<ResultOut<Remote[K]>> {
    if (this.closedWith !== undefined)
      throw new AppError('connectionLost', `the connection is closed: ${this.closedWith}`);
    if (options.signal?.aborted === true) throw new AppError('cancelled', 'the call was cancelled');
    const declared = this.contract[method];
    if (declared === undefined) throw new AppError('unknownMethod', `method ${method} is not in the contract`);
    const raw = await this.request(method, params, options);
    return parseResult(method, declared, raw);
  }

  /** Tells the far side that something changed. Nothing happens when the channel is closed. */
  notify(notice: Notice): void {
    if (this.closedWith !== undefined) return;
    this.connection
      .sendNotification(noticeMethod, notice)
      .catch((error: unknown) => this.channel.close(messageOf(error)));
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.connection.onNotification(noticeMethod, (value: unknown) => {
      const notice = noticeSchema.safeParse(value);
      if (notice.success) listener(notice.data);
    });
  }

  onClose(listener: (reason: string) => void): void {
    this.channel.onClose(listener);
  }

  close(reason?: string): void {
    this.channel.close(reason);
  }

  private async request(method: string, params: unknown, options: CallOptions): Promise<unknown> {
    const cancel = new CancellationTokenSource();
    const token = options.onProgress === undefined ? undefined : this.nextToken++;
    const progress =
      token === undefined
        ? undefined
        : this.connection.onProgress(percentType, token, (value: unknown) => {
            if (typeof value === 'number') options.onProgress?.(value);
          });
    const onAbort = () => cancel.cancel();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const sent = this.connection.sendRequest(
      method,
      ParameterStructures.byPosition,
      params,
      token ?? null,
      cancel.token,
    );
    try {
      return await (options.timeoutMs === undefined ? sent : withTimeout(sent, options.timeoutMs, method, onAbort));
    } catch (error) {
      throw this.translate(error, options.signal?.aborted === true);
    } finally {
      progress?.dispose();
      options.signal?.removeEventListener('abort', onAbort);
      cancel.dispose();
    }
  }

  private async answer(
    dispatch: Dispatch,
    method: string,
    params: unknown,
    token: CancellationToken,
  ): Promise<unknown> {
    const [given, progressToken] = Array.isArray(params) ? (params as unknown[]) : [params, null];
    const abort = createAbort();
    this.running.add(abort);
    token.onCancellationRequested(() => abort.abort());
    const progress = (percent: number) => {
      if (typeof progressToken !== 'number' || this.closedWith !== undefined) return;
      this.connection
        .sendProgress(percentType, progressToken, percent)
        .catch((error: unknown) => this.channel.close(messageOf(error)));
    };
    try {
      return (await dispatch(method, given, { signal: abort.signal, progress })) ?? null;
    } catch (error) {
      const wire = toWireError(error);
      return new ResponseError(wire.code === 'unknownMethod' ? ErrorCodes.MethodNotFound : -32000, wire.message, wire);
    } finally {
      this.running.delete(abort);
    }
  }

  private translate(error: unknown, aborted: boolean): AppError {
    if (error instanceof AppError) return error;
    if (error instanceof ResponseError) {
      const wire = wireErrorSchema.safeParse(error.data);
      if (wire.success) return fromWireError(wire.data);
    }
    if (aborted) return new AppError('cancelled', 'the call was cancelled');
    if (this.closedWith !== undefined)
      return new AppError('connectionLost', `the connection was lost: ${this.closedWith}`);
    // An open channel refuses a message for its length only.
    if (error instanceof ResponseError && error.code === ErrorCodes.MessageWriteError)
      return new AppError('messageTooLarge', error.message);
    return new AppError('connectionLost', messageOf(error), { cause: error });
  }
}

function withTimeout<T>(sent: Promise<T>, timeoutMs: number, method: string, cancel: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      cancel();
      reject(new AppError('timeout', `${method} was not answered in ${timeoutMs} ms`));
    }, timeoutMs);
    sent.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
