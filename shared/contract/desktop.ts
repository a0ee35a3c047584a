/** The port that the page gets from the shell: the part of the DOM's MessagePort that is used. */
export interface DesktopPort {
  postMessage(message: unknown): void;
  start(): void;
  close(): void;
}

/** What the Electron preload gives the page as `window.holdfast`; absent in a browser. */
export interface DesktopBridge<Port extends DesktopPort = DesktopPort> {
  /** A new conversation with the engine; rejects when the engine does not run. */
  connect(): Promise<Port>;
  /** Lets its bearer set the administrator's first password, once. */
  readonly firstToken?: string;
}
