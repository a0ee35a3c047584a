import { BrowserWindow, type Session, type WebContents } from 'electron';
import { isPageUrl, pageOrigin } from './app-protocol.ts';

/** Opens the console's window: the page has neither Node nor Electron, only what the preload exposes. */
export function openWindow(preload: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 900,
    minHeight: 600,
    title: 'Holdfast',
    show: false,
    autoHideMenuBar: true,
    webPreferences: { preload, contextIsolation: true, sandbox: true, nodeIntegration: false, webviewTag: false },
  });
  window.once('ready-to-show', () => window.show());
  return window;
}

/** Starts to load the page. Rejects when Chromium cannot show it. */
export function loadPage(window: BrowserWindow): Promise<void> {
  return window.loadURL(`${pageOrigin}/`);
}

/** Keeps a page where it is: no other site, no second window, no embedded guest. */
export function confine(contents: WebContents): void {
  const stay = (event: { preventDefault(): void }, url: string) => {
    if (!isPageUrl(url)) event.preventDefault();
  };
  contents.on('will-navigate', (event) => stay(event, event.url));
  contents.on('will-redirect', (event) => stay(event, event.url));
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** A page that dies again within this time would only flicker. */
const reviveAfterMs = 60_000;

/** Loads a page whose process has died once more; one that keeps dying stays down, and the log says why. */
export function revive(contents: WebContents, onGone: (reason: string) => void): void {
  let revivedAt = Number.NEGATIVE_INFINITY;
  contents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return;
    onGone(reason);
    if (Date.now() - revivedAt < reviveAfterMs) return;
    revivedAt = Date.now();
    contents.reload();
  });
}

/** Denies every permission but one: writing text to the clipboard after a click, which the copy buttons do. */
export function denyPermissions(session: Session): void {
  const isGranted = (permission: string, url: string) =>
    permission === 'clipboard-sanitized-write' && isPageUrl(url.replace(/\/$/u, ''));
  session.setPermissionRequestHandler((contents, permission, answer) =>
    answer(isGranted(permission, contents.getURL())),
  );
  session.setPermissionCheckHandler((_contents, permission, origin) => isGranted(permission, origin));
}
