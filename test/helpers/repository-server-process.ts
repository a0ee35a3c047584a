// A server in a process of its own, so that a test can kill it: prints its port.
import { startRepositoryServer } from '../../agent/exports/serve-repo/server.ts';

const [folder = ''] = process.argv.slice(2);
const { port } = await startRepositoryServer({ folder, listen: { host: '127.0.0.1', port: 0 } });
process.stdout.write(`${JSON.stringify({ port })}\n`);
