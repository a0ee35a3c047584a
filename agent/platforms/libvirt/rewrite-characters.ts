import { basename, dirname, join } from 'node:path';
import type { XmlElement } from './xml.ts';
import { attribute, childrenOf, find, removeChildren } from './xml.ts';

const kinds = ['serial', 'console', 'parallel', 'channel'];

/** libvirt's own folder for sockets of channels: it makes a new name there by itself. */
const ownSockets = /^\/(var\/lib|run)\/libvirt\/qemu\//u;

/**
 * Serial ports, consoles and channels: log files, files and sockets that QEMU makes get new names; a fixed TCP port
 * cannot be had twice and becomes a pseudo-terminal.
 * @param devices changed in place
 */
export function rewriteCharacterDevices(devices: XmlElement, newName: string, warnings: string[]): void {
  for (const kind of kinds) {
    for (const device of childrenOf(devices, kind)) {
      rewriteLog(device, newName);
      rewriteSource(device, kind, newName, warnings);
    }
  }
}

function rewriteLog(device: XmlElement, newName: string): void {
  const log = find(device, 'log');
  const file = attribute(log, 'file');
  // The console and the serial port it belongs to share one log, so both must come to the same new name.
  if (log !== undefined && file !== undefined) log.attributes.set('file', renamed(file, newName));
}

function rewriteSource(device: XmlElement, kind: string, newName: string, warnings: string[]): void {
  const type = attribute(device, 'type');
  const source = find(device, 'source');
  const path = attribute(source, 'path');
  device.attributes.delete('tty');
  if (type === 'pty' || (type === 'unix' && path !== undefined && ownSockets.test(path))) {
    removeChildren(device, 'source');
  } else if (type === 'unix' && attribute(source, 'mode') === 'bind' && path !== undefined) {
    source?.attributes.set('path', renamed(path, newName));
  } else if (type === 'file' && path !== undefined) {
    source?.attributes.set('path', renamed(path, newName));
  } else if (type === 'udp' || (type === 'tcp' && attribute(source, 'mode') === 'bind')) {
    device.attributes.set('type', 'pty');
    removeChildren(device, 'source', 'protocol');
    warnings.push(`the ${kind} device on a network port of the original is a pseudo-terminal now`);
  }
}

function renamed(path: string, newName: string): string {
  return join(dirname(path), `${newName}-${basename(path)}`);
}
