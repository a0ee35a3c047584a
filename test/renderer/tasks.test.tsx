import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { findRow, openConsole } from './harness.tsx';

const running = (data: { tasks: TaskView[] }) => data.tasks.find((task) => task.id === 41208) as TaskView;

describe('Task queue', () => {
  it('moves with progress notices, without asking again', async () => {
    const { engine } = openConsole({ path: '/tasks' });
    const row = await findRow(/41208.*64\.3/u);
    const asked = engine.calls.filter((call) => call === 'tasks.list').length;
    engine.notify({ topic: 'progress', progress: [{ ...running(engine.data), percent: 70.5 }] });
    await waitFor(() => expect(row).toHaveTextContent('70.5'));
    expect(engine.calls.filter((call) => call === 'tasks.list')).toHaveLength(asked);
  });

  it('does not let late figures wake up a task that has ended', async () => {
    const { engine } = openConsole({ path: '/tasks' });
    await findRow(/41208.*64\.3/u);
    const before = { ...running(engine.data) };
    Object.assign(running(engine.data), { state: 'done', percent: 100, endedAt: Date.now() });
    engine.notify({ topic: 'tasks' });
    const row = await findRow(/41208.*Done/u);
    engine.notify({ topic: 'progress', progress: [before] });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(row).toHaveTextContent('Done');
  });

  it('shows a failure in four parts, with cause and action of its code', async () => {
    openConsole({ path: '/tasks/41187' });
    expect(await screen.findByText('The backup of mail-store-1 failed.')).toBeVisible();
    expect(screen.getByText('The file system of the target has no space left.')).toBeVisible();
    expect(screen.getByText('Free space or use another target, then run it again.')).toBeVisible();
    expect(screen.queryByText(/ENOSPC/u)).toBeNull();
  });

  it('translates the same failure', async () => {
    openConsole({ path: '/tasks/41187', language: 'ru' });
    expect(await screen.findByText('На файловой системе назначения нет места.')).toBeVisible();
  });

  it('asks before it cancels and names what is lost', async () => {
    const { user, engine } = openConsole({ path: '/tasks/41208' });
    await user.click(await screen.findByRole('button', { name: 'Cancel…' }));
    const dialog = await screen.findByRole('dialog', { name: 'Cancel task 41208, erp-db-01?' });
    expect(dialog).toHaveTextContent('Discards');
    await user.click(within(dialog).getByRole('button', { name: 'Cancel task' }));
    await waitFor(() => expect(running(engine.data).state).toBe('cancelled'));
  });

  it('marks failures as seen', async () => {
    const { user, engine } = openConsole({ path: '/tasks' });
    await user.click(await screen.findByRole('button', { name: 'Mark all seen' }));
    await waitFor(() => expect(engine.data.tasks.some((task) => task.unseen)).toBe(false));
  });

  it('says of maintenance which pool and which repository it works on', async () => {
    const { engine } = openConsole({ path: '/tasks/41166' });
    await findRow(/41166.*archive: bk-kvm-01/u);
    const place = engine.data.pools[1]?.repositories[0]?.place ?? '';
    expect(await screen.findByText(place)).toBeVisible();
    expect(screen.getByRole('link', { name: 'archive' })).toHaveAttribute('href', '/administration/pools?pool=2');
    expect(screen.queryByText('No disk has been read yet.')).toBeNull();
  });
});
