import type { Topic } from '../shared/contract/method.ts';
import type { Notice, TaskProgress } from '../shared/contract/notice.ts';

type Listener = (notice: Notice) => void;

/** Longest wait before a notice goes out; makes at most 4 a second per topic (DESIGN §4). */
const intervalMs = 250;

interface Pending {
  ids: Set<number> | 'all';
  progress: Map<number, TaskProgress>;
  timer: NodeJS.Timeout;
}

/** Tables announce what they wrote; consoles hear of it, gathered per topic. */
export class Changes {
  private readonly listeners = new Set<Listener>();
  private readonly pending = new Map<Topic, Pending>();
  private readonly lastSent = new Map<Topic, number>();

  /** @returns how to stop listening */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Without `ids` everything of the topic counts as changed. */
  announce(topic: Topic, ids?: readonly number[]): void {
    const waiting = this.waitingFor(topic);
    if (ids === undefined) waiting.ids = 'all';
    else if (waiting.ids !== 'all') for (const id of ids) waiting.ids.add(id);
  }

  announceProgress(progress: TaskProgress): void {
    this.waitingFor('progress').progress.set(progress.id, progress);
  }

  stop(): void {
    for (const { timer } of this.pending.values()) clearTimeout(timer);
    this.pending.clear();
    this.listeners.clear();
  }

  private waitingFor(topic: Topic): Pending {
    const waiting = this.pending.get(topic);
    if (waiting !== undefined) return waiting;
    const delay = Math.max(0, (this.lastSent.get(topic) ?? 0) + intervalMs - Date.now());
    const made: Pending = { ids: new Set(), progress: new Map(), timer: setTimeout(() => this.send(topic), delay) };
    this.pending.set(topic, made);
    return made;
  }

  private send(topic: Topic): void {
    const waiting = this.pending.get(topic);
    if (waiting === undefined) return;
    this.pending.delete(topic);
    this.lastSent.set(topic, Date.now());
    const notice: Notice = {
      topic,
      ...(waiting.ids === 'all' || waiting.ids.size === 0 ? {} : { ids: [...waiting.ids] }),
      ...(waiting.progress.size === 0 ? {} : { progress: [...waiting.progress.values()] }),
    };
    for (const listener of this.listeners) listener(notice);
  }
}
