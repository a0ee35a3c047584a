import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The console's page. Nothing is inlined: the policy it lives under allows files of its own origin only. */
export default defineConfig({
  root: fileURLToPath(new URL('../renderer', import.meta.url)),
  // Absolute, because deep addresses such as /administration/clients are answered with the same index.html.
  base: '/',
  publicDir: false,
  plugins: [react()],
  build: {
    outDir: fileURLToPath(new URL('../dist/renderer', import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
});
