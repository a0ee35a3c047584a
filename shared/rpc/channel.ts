import { AppError } from '../errors.ts';

/** Longest message on any channel, in bytes of its JSON text (DETAILS 7). Longer answers are paged. */
export const maxMessageBytes = 1024 * 1024;

/** A two-way pipe of whole JSON messages; every transport is one small adapter to this. */
export interface Channel {
  /** @throws AppError messageTooLarge, connectionLost */
  send(message: object): void;
  /** One listener; messages that came earlier are handed over first. */
  onMessage(listener: (message: object) => void): void;
  /** Called once, with the reason; at once when it is closed already. */
  onClose(listener: (reason: string) => void): void;
  close(reason?: string): void;
}

/** Text of a message. @throws AppError messageTooLarge */
export function encodeMessage(message: object): string {
  const text = JSON.stringify(message);
  // A UTF-16 unit is at most 3 bytes of UTF-8: only long texts need to be measured.
  if (text.length * 3 > maxMessageBytes && new TextEncoder().encode(text).length > maxMessageBytes) {
    throw new AppError('messageTooLarge', `a message of ${text.length} characters is over the limit of 1 MiB`);
  }
  return text;
}

/** The reverse; anything but a JSON object is refused. @throws AppError invalidValue */
export function decodeMessage(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('invalidValue', 'malformed frame: not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('invalidValue', 'malformed frame: not a JSON object');
  }
  return value;
}

/** Keeps messages and the end until somebody listens; the part every adapter shares. */
export class Inbox {
  private readonly waiting: object[] = [];
  private listener: ((message: object) => void) | undefined;
  private readonly closeListeners: Array<(reason: string) => void> = [];
  private reason: string | undefined;

  get closed(): boolean {
    return this.reason !== undefined;
  }

  push(message: object): void {
    if (this.closed) return;
    if (this.listener === undefined) this.waiting.push(message);
    else this.listener(message);
  }

  listen(listener: (message: object) => void): void {
    this.listener = listener;
    for (const message of this.waiting.splice(0)) listener(message);
  }

  onClose(listener: (reason: string) => void): void {
    if (this.reason === undefined) this.closeListeners.push(listener);
    else listener(this.reason);
  }

  end(reason: string): void {
    if (this.closed) return;
    this.reason = reason;
    for (const listener of this.closeListeners.splice(0)) listener(reason);
  }

  /** @throws AppError connectionLost when the channel is closed */
  assertOpen(): void {
    if (this.reason !== undefined) throw new AppError('connectionLost', `the connection is closed: ${this.reason}`);
  }
}
