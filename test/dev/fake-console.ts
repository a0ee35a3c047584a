// Serves the built page over a fake engine on loopback, for looking at it: node test/dev/fake-console.ts [port] [empty|first|signed-out]
import '../../shared/node/rpc-runtime.ts';
import { createServer, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { sendPage } from '../../engine/server/page.ts';
import { webSocketChannel } from '../../shared/node/websocket-channel.ts';
import { maxMessageBytes } from '../../shared/rpc/channel.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { emptyData } from '../fakes/fake-engine-data.ts';
import { sampleData } from '../fakes/sample-data.ts';

const folder = process.env['PAGE'] ?? fileURLToPath(new URL('../../dist/renderer', import.meta.url));
const port = Number(process.argv[2] ?? '7777');
const mode = process.argv[3] ?? 'full';

const engine = new FakeEngine(mode === 'empty' || mode === 'first' ? emptyData() : sampleData());
engine.needsFirstPassword = mode === 'first';
const startsSignedIn = mode === 'full' || mode === 'empty';

function isSignedIn(request: IncomingMessage): boolean {
  const token = /session=([^;]+)/u.exec(request.headers.cookie ?? '')?.[1];
  return startsSignedIn || (token !== undefined && engine.sessions.has(token));
}

const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  if (path === '/session' && request.method === 'POST') {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    response
      .writeHead(engine.sessions.has(token) ? 204 : 401, {
        'set-cookie': `session=${token}; HttpOnly; SameSite=Strict; Path=/`,
      })
      .end();
  } else if (path === '/session') response.writeHead(204, { 'set-cookie': 'session=; Max-Age=0; Path=/' }).end();
  else if (path === '/hang-up') {
    engine.hangUp();
    response.writeHead(204).end();
  } else void sendPage(folder, path, response);
});
const sockets = new WebSocketServer({ server, path: '/rpc', maxPayload: maxMessageBytes });
sockets.on('connection', (socket, request) => engine.serve(webSocketChannel(socket), isSignedIn(request)));
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));

// The running tasks move, so that live progress can be seen.
setInterval(() => {
  const moving = engine.data.tasks.filter((task) => task.state === 'running');
  for (const task of moving) {
    task.percent = ((task.percent ?? 0) + 0.2) % 100;
    task.bytesDone = Math.round(((task.bytesTotal ?? 0) * task.percent) / 100);
  }
  if (moving.length > 0) engine.notify({ topic: 'progress', progress: moving });
}, 1000).unref();
