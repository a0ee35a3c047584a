import './connection/runtime.ts';
import './style/all.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { dialEngine } from './connection/dial.ts';
import { EngineLink } from './connection/engine-link.ts';
import { takeFirstToken } from './connection/first-token.ts';
import { installTrustedTypes } from './connection/trusted-types.ts';
import { createStore } from './store/store.ts';
import { createTexts, initialLanguage } from './text/i18n.ts';

installTrustedTypes();
takeFirstToken();

const link = new EngineLink(dialEngine);
const store = createStore(link);
link.connect();
window.addEventListener('online', () => link.connect());
window.addEventListener('pagehide', () => link.close());
// A page that comes back from the browser's cache dials anew.
window.addEventListener('pageshow', (event) => event.persisted && link.connect());

const root = document.querySelector('#root');
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App store={store} texts={createTexts(initialLanguage())} nonce={nonce} />
  </StrictMode>,
);
