import '../shared/node/rpc-runtime.ts';
import { parseArgs } from 'node:util';
import { defaultDataFolder } from '../engine/data-folder.ts';
import { startEngine } from '../engine/engine.ts';
import { serveEngine } from './serve-engine.ts';

const { values } = parseArgs({ options: { data: { type: 'string' }, agent: { type: 'string' } } });

// The agent works in plain Node, never inside Electron: its cryptography lacks what repositories need (DESIGN §6).
const node = process.env['HOLDFAST_NODE'];

await serveEngine({
  parent: process.parentPort,
  start: () =>
    startEngine({
      dataFolder: values.data ?? defaultDataFolder(),
      listen: undefined,
      agentListen: { host: '127.0.0.1', port: 0 },
      pageFolder: '',
      agentCommand: node === undefined || values.agent === undefined ? undefined : [node, values.agent],
      embedded: true,
    }),
  exit: (code) => process.exit(code),
});
