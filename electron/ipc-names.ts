import type { DesktopGreeting } from '../shared/contract/desktop.ts';

/** Channels between the preload and the main process. */
export const ipcNames = { connect: 'holdfast:connect', port: 'holdfast:port' } as const;

/** The main process's answer; Electron would wrap a thrown error in a sentence of its own. */
export type ConnectAnswer = DesktopGreeting & { readonly error?: string };
