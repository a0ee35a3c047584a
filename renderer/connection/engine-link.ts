import { engineContract, type EngineContract } from '../../shared/contract/engine/all.ts';
import type { MethodName, ParamsIn, ResultOut } from '../../shared/contract/method.ts';
import type { Notice } from '../../shared/contract/notice.ts';
import { AppError, messageOf } from '../../shared/errors.ts';
import { type CallOptions, Peer } from '../../shared/rpc/peer.ts';
import type { Dial } from './dial.ts';

/** Where the conversation with the engine stands. Times are epoch ms. */
export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'lost'; readonly since: number; readonly nextTryAt: number; readonly reason: string };

const firstDelayMs = 500;
const longestDelayMs = 15_000;
/** A socket whose network died silently is found out by a call that is not answered. */
const quietMs = 30_000;
const answerMs = 10_000;

/** Keeps one conversation with the engine alive: dials, dials again with growing pauses, tells what happens. */
export class EngineLink {
  private readonly dial: Dial;
  private readonly stateListeners = new Set<(state: LinkState) => void>();
  private readonly noticeListeners = new Set<(notice: Notice) => void>();
  private current: LinkState = { kind: 'connecting' };
  private peer: Promise<Peer<EngineContract>> | undefined;
  private generation = 0;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(dial: Dial) {
    this.dial = dial;
  }

  get state(): LinkState {
    return this.current;
  }

  onState(listener: (state: LinkState) => void): void {
    this.stateListeners.add(listener);
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.noticeListeners.add(listener);
  }

  /** Dials at once; an open conversation is closed first (needed after sign-in, for the new cookie). */
  connect(): void {
    clearTimeout(this.timer);
    const generation = ++this.generation;
    const before = this.peer;
    if (this.current.kind === 'open') this.enter({ kind: 'connecting' });
    const opening = this.open(generation);
    this.peer = opening;
    opening.catch((error: unknown) => this.lose(generation, messageOf(error)));
    // The one before ends only now, so that its end is not taken for a loss.
    before?.then((peer) => peer.close('replaced')).catch(() => undefined);
  }

  close(): void {
    clearTimeout(this.timer);
    this.generation++;
    this.peer?.then((peer) => peer.close('the page is closed')).catch(() => undefined);
    this.peer = undefined;
  }

  /**
   * Calls a method of the engine; waits for a conversation that is just being opened.
   * @throws AppError of the engine, connectionLost, cancelled
   */
  async call<K extends MethodName<EngineContract>>(
    method: K,
    params: ParamsIn<EngineContract[K]>,
    options: CallOptions = {},
  ): Promise<ResultOut<EngineContract[K]>> {
    if (this.peer === undefined) throw new AppError('connectionLost', 'not connected');
    const peer = await this.peer;
    return peer.call(method, params, options);
  }

  private async open(generation: number): Promise<Peer<EngineContract>> {
    const channel = await this.dial();
    if (generation !== this.generation) {
      channel.close('replaced');
      throw new AppError('connectionLost', 'replaced by a newer connection');
    }
    const peer = new Peer(channel, engineContract, (method) =>
      Promise.reject(new AppError('unknownMethod', `the console has no method ${method}`)),
    );
    peer.onNotice((notice) => {
      for (const listener of this.noticeListeners) listener(notice);
    });
    peer.onClose((reason) => this.lose(generation, reason));
    this.attempts = 0;
    this.enter({ kind: 'open' });
    this.watch(generation, peer);
    return peer;
  }

  private watch(generation: number, peer: Peer<EngineContract>): void {
    this.timer = setTimeout(() => {
      peer.call('session.get', {}, { timeoutMs: answerMs }).then(
        () => generation === this.generation && this.watch(generation, peer),
        (error: unknown) => peer.close(messageOf(error)),
      );
    }, quietMs);
  }

  private lose(generation: number, reason: string): void {
    if (generation !== this.generation) return;
    clearTimeout(this.timer);
    const pause = Math.min(longestDelayMs, firstDelayMs * 2 ** this.attempts++);
    const now = Date.now();
    const since = this.current.kind === 'lost' ? this.current.since : now;
    this.enter({ kind: 'lost', since, nextTryAt: now + pause, reason });
    this.timer = setTimeout(() => this.connect(), pause);
  }

  private enter(state: LinkState): void {
    this.current = state;
    for (const listener of this.stateListeners) listener(state);
  }
}
