/** What the shell answers when a conversation with the engine begins. */
export interface DesktopGreeting {
  /** Lets its bearer set the administrator's first password, once. */
  readonly firstToken?: string;
}

/**
 * What the Electron preload gives the page as `window.holdfast`; absent in a browser. A MessagePort cannot pass the
 * context bridge: it comes as a `message` event of the window, whose data is a {@link DesktopPortMessage}.
 */
export interface DesktopBridge {
  /**
   * Asks for a new conversation with the engine; its port carries the number `request`. Rejects with the reason when
   * the engine does not run.
   */
  connect(request: number): Promise<DesktopGreeting>;
}

/** Data of the window's message that brings the port. */
export interface DesktopPortMessage {
  readonly holdfastPort: number;
}

/** True for the message that brings the port of that request. */
export function isPortMessage(data: unknown, request: number): data is DesktopPortMessage {
  return typeof data === 'object' && data !== null && (data as Partial<DesktopPortMessage>).holdfastPort === request;
}
