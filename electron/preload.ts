import { contextBridge, ipcRenderer } from 'electron';
import type { DesktopBridge, DesktopPortMessage } from '../shared/contract/desktop.ts';
import { type ConnectAnswer, ipcNames } from './ipc-names.ts';

const bridge: DesktopBridge = {
  async connect(request) {
    const { error, ...greeting } = (await ipcRenderer.invoke(ipcNames.connect, request)) as ConnectAnswer;
    if (error !== undefined) throw new Error(error);
    return greeting;
  },
};

// Ports cannot pass the context bridge: they are posted to the page's own window.
ipcRenderer.on(ipcNames.port, (event, request: number) => {
  const message: DesktopPortMessage = { holdfastPort: request };
  window.postMessage(message, window.location.origin, event.ports);
});

contextBridge.exposeInMainWorld('holdfast', bridge);
