import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';

// Machines that run the suites side by side are slow.
configure({ asyncUtilTimeout: 5000 });

/** jsdom lays nothing out: what the page measures is given here. */
class StillObserver implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

vi.stubGlobal('ResizeObserver', StillObserver);
Object.defineProperty(window, 'matchMedia', {
  writable: true,
  value: (query: string): MediaQueryList => ({
    matches: false,
    media: query,
    onchange: null,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
    dispatchEvent: () => false,
  }),
});
Object.defineProperties(Element.prototype, {
  clientHeight: { configurable: true, get: () => 1000 },
  clientWidth: { configurable: true, get: () => 1300 },
});
Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { configurable: true, get: () => 160 });
Element.prototype.checkVisibility = () => true;
Element.prototype.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;

beforeEach(() => window.localStorage.clear());
afterEach(cleanup);
