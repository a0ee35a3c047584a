/** The part of AbortController that Node and browsers share; declared here because shared code has neither's types. */
export interface Abort {
  readonly signal: AbortSignal;
  abort(): void;
}

/** A new controller. */
export function createAbort(): Abort {
  return new AbortController();
}
