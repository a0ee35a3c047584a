import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** The parts of Electron that the shell uses, remembering what was asked of them. Use: vi.mock('electron', …). */
type Handler = (...args: never[]) => unknown;

/** Electron's MessagePortMain over Node's MessagePort. */
export class FakePort extends EventEmitter {
  readonly #port: MessagePort;
  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.on('close', () => this.emit('close'));
  }
  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }
  start(): void {
    this.#port.on('message', (data: unknown) => this.emit('message', { data, ports: [] }));
  }
  close(): void {
    this.#port.close();
  }
}

export class MessageChannelMain {
  readonly port1: FakePort;
  readonly port2: FakePort;
  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port1 = new FakePort(port1);
    this.port2 = new FakePort(port2);
  }
}

/** A forked utility process; the test plays its part. */
export class FakeProcess extends EventEmitter {
  readonly script: string;
  readonly args: readonly string[];
  readonly options: object;
  readonly sent: Array<{ message: unknown; ports: FakePort[] }> = [];
  killed = false;
  constructor(script: string, args: readonly string[], options: object) {
    super();
    this.script = script;
    this.args = args;
    this.options = options;
  }
  postMessage(message: unknown, ports: FakePort[] = []): void {
    this.sent.push({ message, ports });
    this.emit('sent', message, ports);
  }
  kill(): boolean {
    this.killed = true;
    return true;
  }
}

export const forked: FakeProcess[] = [];
export const utilityProcess = {
  fork(script: string, args: readonly string[], options: object): FakeProcess {
    const made = new FakeProcess(script, args, options);
    forked.push(made);
    return made;
  },
};

export class FakeContents extends EventEmitter {
  readonly mainFrame = {
    url: 'holdfast-app://console/',
    posted: [] as unknown[][],
    postMessage: this.#post.bind(this),
  };
  openHandler: Handler | undefined;
  #post(...args: unknown[]): void {
    this.mainFrame.posted.push(args);
  }
  reloads = 0;
  getURL(): string {
    return this.mainFrame.url;
  }
  reload(): void {
    this.reloads += 1;
  }
  setWindowOpenHandler(handler: Handler): void {
    this.openHandler = handler;
  }
}

export class BrowserWindow extends EventEmitter {
  static readonly all: BrowserWindow[] = [];
  static getAllWindows(): BrowserWindow[] {
    return BrowserWindow.all;
  }
  readonly webContents = new FakeContents();
  readonly options: { show?: boolean; webPreferences?: Record<string, unknown> };
  readonly calls: string[] = [];
  constructor(options: BrowserWindow['options']) {
    super();
    this.options = options;
    BrowserWindow.all.push(this);
    app.emit('web-contents-created', {}, this.webContents);
  }
  show(): void {
    this.calls.push('show');
  }
  focus(): void {
    this.calls.push('focus');
  }
  isMinimized(): boolean {
    return true;
  }
  restore(): void {
    this.calls.push('restore');
  }
  async loadURL(url: string): Promise<void> {
    this.calls.push(`load ${url}`);
  }
}

class FakeApp extends EventEmitter {
  /** What was called, in order. */
  readonly calls: string[] = [];
  isFirstInstance = true;
  enableSandbox(): void {
    this.calls.push('enableSandbox');
  }
  setPath(name: string, path: string): void {
    this.calls.push(`setPath ${name} ${path}`);
  }
  requestSingleInstanceLock(): boolean {
    this.calls.push('lock');
    return this.isFirstInstance;
  }
  async whenReady(): Promise<void> {
    this.calls.push('ready');
  }
  quit(): void {
    this.calls.push('quit');
  }
  exit(code: number): void {
    this.calls.push(`exit ${code}`);
  }
}
export const app = new FakeApp();

export class FakeSession {
  request: Handler | undefined;
  check: Handler | undefined;
  setPermissionRequestHandler(handler: Handler): void {
    this.request = handler;
  }
  setPermissionCheckHandler(handler: Handler): void {
    this.check = handler;
  }
}
export const session = { defaultSession: new FakeSession() };

export const protocol = {
  handlers: new Map<string, (request: Request) => Promise<Response>>(),
  registerSchemesAsPrivileged(): void {
    app.calls.push('registerSchemes');
  },
  handle(scheme: string, handler: (request: Request) => Promise<Response>): void {
    protocol.handlers.set(scheme, handler);
  },
};

export const ipcMain = {
  handlers: new Map<string, (event: object, ...args: unknown[]) => Promise<unknown>>(),
  handle(name: string, handler: (event: object, ...args: unknown[]) => Promise<unknown>): void {
    ipcMain.handlers.set(name, handler);
  },
};

/** The renderer's side: what the preload asked and exposed. */
export const contextBridge = {
  exposed: new Map<string, unknown>(),
  exposeInMainWorld(name: string, value: unknown): void {
    contextBridge.exposed.set(name, value);
  },
};
class FakeIpcRenderer extends EventEmitter {
  answer: (name: string, ...args: unknown[]) => unknown = () => ({});
  async invoke(name: string, ...args: unknown[]): Promise<unknown> {
    return this.answer(name, ...args);
  }
}
export const ipcRenderer = new FakeIpcRenderer();

/** Forgets everything between tests. */
export function resetElectron(): void {
  forked.length = 0;
  BrowserWindow.all.length = 0;
  app.calls.length = 0;
  app.isFirstInstance = true;
  app.removeAllListeners();
  ipcMain.handlers.clear();
  protocol.handlers.clear();
  session.defaultSession = new FakeSession();
  contextBridge.exposed.clear();
  ipcRenderer.removeAllListeners();
  ipcRenderer.answer = () => ({});
}
