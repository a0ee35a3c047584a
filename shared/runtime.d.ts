// The only host globals shared code may use: the ones Node and browsers both have.
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
  throwIfAborted(): void;
}
declare var AbortController: { new (): { readonly signal: AbortSignal; abort(reason?: unknown): void } };
declare function queueMicrotask(callback: () => void): void;
declare function setTimeout(callback: () => void, milliseconds: number): number;
declare function clearTimeout(timer: number | undefined): void;
declare class TextEncoder {
  encode(text: string): Uint8Array;
}

/** The part of the WHATWG URL that both Node and browsers have. */
declare interface URL {
  readonly protocol: string;
  readonly hostname: string;
  readonly pathname: string;
  readonly username: string;
  readonly password: string;
}
declare const URL: { parse(text: string): URL | null };
