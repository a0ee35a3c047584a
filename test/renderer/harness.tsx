import '../../shared/node/rpc-runtime.ts';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { vi } from 'vitest';
import { MantineProvider } from '@mantine/core';
import { I18nextProvider } from 'react-i18next';
import { Provider } from 'react-redux';
import { Console } from '../../renderer/app.tsx';
import { EngineLink } from '../../renderer/connection/engine-link.ts';
import { createStore } from '../../renderer/store/store.ts';
import { createTexts } from '../../renderer/text/i18n.ts';
import type { Language } from '../../renderer/text/languages.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import type { FakeData } from '../fakes/fake-engine-data.ts';
import { sampleData } from '../fakes/sample-data.ts';

interface Options {
  readonly path?: string;
  readonly data?: FakeData;
  readonly signedIn?: boolean;
  readonly language?: Language;
  /** Changes the engine before the page dials. */
  readonly prepare?: (engine: FakeEngine) => void;
}

/** The cookie exchange of a browser: once a session is kept, new connections are signed in. */
function stubCookies(jar: { signedIn: boolean }): void {
  vi.stubGlobal('fetch', async (_url: string, { method }: RequestInit) => {
    jar.signedIn = method === 'POST';
    return new Response(null, { status: 204 });
  });
}

/** The whole page over a fake engine. */
export function openConsole({
  path = '/objects',
  data = sampleData(),
  signedIn = true,
  language = 'en',
  prepare,
}: Options = {}) {
  const engine = new FakeEngine(data);
  prepare?.(engine);
  const jar = { signedIn };
  stubCookies(jar);
  const link = new EngineLink(async () => engine.connect(jar.signedIn));
  const store = createStore(link);
  window.history.replaceState(null, '', path);
  link.connect();
  const view = render(
    <Provider store={store}>
      <I18nextProvider i18n={createTexts(language)}>
        <MantineProvider env="test">
          <Console />
        </MantineProvider>
      </I18nextProvider>
    </Provider>,
  );
  return { engine, link, store, view, user: userEvent.setup({ delay: null }) };
}

/** The row of a list with that text. */
export async function findRow(name: RegExp): Promise<HTMLElement> {
  return screen.findByRole('row', { name });
}
