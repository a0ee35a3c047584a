import { connect, type EnginePeer } from './connect.ts';
import { loadCredentials } from './credentials.ts';

/** Runs something with a connection to the engine one is signed in to. */
export async function withEngine<T>(work: (engine: EnginePeer) => Promise<T>): Promise<T> {
  const engine = await connect(await loadCredentials());
  try {
    return await work(engine);
  } finally {
    engine.close();
  }
}
