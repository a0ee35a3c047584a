import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/renderer/**', 'test/e2e/**'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'dom',
          include: ['test/renderer/**/*.test.{ts,tsx}'],
          environment: 'jsdom',
          setupFiles: ['test/renderer/setup.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'programs',
          include: ['test/programs/**/*.prog.ts'],
          environment: 'node',
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.lab.ts'],
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'soak',
          testTimeout: 600_000,
          include: ['test/soak/**/*.soak.ts'],
          environment: 'node',
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
