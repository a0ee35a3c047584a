import { act, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { splitFirstPool } from '../fakes/fake-pools.ts';
import { openConsole } from './harness.tsx';

async function openKeys() {
  const opened = openConsole({
    path: '/administration/pools?pool=1',
    prepare: ({ data }) => splitFirstPool(data),
  });
  const { user, engine } = opened;
  const pool = engine.data.pools[0];
  const panel = await screen.findByRole('complementary', { name: pool?.name ?? '' });
  const open = async () => {
    await user.click(within(panel).getByRole('button', { name: 'Passwords' }));
    return within(await screen.findByRole('dialog'));
  };
  const dialog = await open();
  const show = () => user.click(dialog.getByRole('button', { name: 'Show the password in use' }));
  const words = (index: number) => `derived for ${pool?.repositories[index]?.clientId}`;
  return { ...opened, pool, dialog, open, show, words };
}

describe('the password of one repository', () => {
  afterEach(() => void vi.useRealTimers());

  it('is shown when asked for, and hidden again after a minute', async () => {
    const { engine, dialog, show, words } = await openKeys();
    expect(engine.calls).not.toContain('repositories.password');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
    await show();
    expect(await dialog.findByText(words(0))).toBeVisible();
    await act(async () => vi.advanceTimersByTimeAsync(30_000));
    expect(dialog.getByText(words(0))).toBeVisible();
    await act(async () => vi.advanceTimersByTimeAsync(31_000));
    expect(dialog.queryByText(words(0))).toBeNull();
  });

  it('goes when another repository is chosen, and with the dialog', async () => {
    const { user, pool, dialog, open, show, words } = await openKeys();
    await show();
    expect(await dialog.findByText(words(0))).toBeVisible();
    await user.click(dialog.getByLabelText('Whose repository'));
    await user.click(await screen.findByRole('option', { name: pool?.repositories[1]?.client ?? '' }));
    await waitFor(() => expect(dialog.queryByText(words(0))).toBeNull());
    await show();
    expect(await dialog.findByText(words(1))).toBeVisible();
    await user.click(dialog.getByRole('button', { name: 'Close' }));
    await open();
    expect(screen.queryByText(/^derived for/u)).toBeNull();
  });

  it('can be hidden before', async () => {
    const { user, dialog, show, words } = await openKeys();
    await show();
    expect(await dialog.findByText(words(0))).toBeVisible();
    await user.click(dialog.getByRole('button', { name: 'Hide the password in use' }));
    expect(dialog.queryByText(words(0))).toBeNull();
  });
});
