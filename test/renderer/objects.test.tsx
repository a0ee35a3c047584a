import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { emptyData, fakeClient } from '../fakes/fake-engine-data.ts';
import { findRow, openConsole } from './harness.tsx';

describe('Objects', () => {
  it('lists VMs with their state and opens one beside the list', async () => {
    const { user } = openConsole();
    expect(await findRow(/erp-db-01.*Running 64/u)).toBeVisible();
    expect(await findRow(/archive-nfs-01.*Unprotected/u)).toBeVisible();
    await user.click(await screen.findByText('hr-portal'));
    const panel = await screen.findByRole('complementary', { name: 'hr-portal' });
    expect(within(panel).getByText('Copied')).toBeVisible();
    expect(window.location.search).toContain('vm=');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('complementary', { name: 'hr-portal' })).toBeNull());
  });

  it('is used by keyboard alone: arrows, Enter, the context menu', async () => {
    const { user, engine } = openConsole();
    const row = await findRow(/ad-dc-01/u);
    row.focus();
    await user.keyboard('j');
    await waitFor(() => expect(document.activeElement).toHaveTextContent('ad-dc-02'));
    await user.keyboard('{Enter}');
    expect(await screen.findByRole('complementary', { name: 'ad-dc-02' })).toBeVisible();
    await user.keyboard('{Shift>}{F10}{/Shift}');
    const item = await screen.findByRole('menuitem', { name: /^Run now/u });
    await user.click(item);
    await waitFor(() => expect(engine.calls).toContain('rules.run'));
  });

  it('narrows by client and search, and says how to get everything back', async () => {
    const { user } = openConsole();
    await user.click(await screen.findByRole('link', { name: /bk-shanghai/u }));
    await waitFor(() => expect(screen.queryByText('erp-app-01')).toBeNull());
    await user.type(screen.getByRole('searchbox', { name: /Name, ID/u }), 'no such thing');
    await user.click(await screen.findByRole('button', { name: 'Clear filters' }));
    expect(await screen.findByText('erp-app-01')).toBeVisible();
  });

  it('shows the next step on the first start', async () => {
    const client = fakeClient(1, 'local', { local: true });
    openConsole({ data: { ...emptyData(), clients: [client] } });
    expect(await screen.findByRole('heading', { name: 'First steps' })).toBeVisible();
    expect(screen.getByText('Add a platform').closest('li')).toHaveAttribute('aria-current', 'step');
  });

  it('adds a platform from the fields of its descriptor', async () => {
    const { user, engine } = openConsole({ data: { ...emptyData(), clients: [fakeClient(1, 'kvm')] } });
    await user.click(await screen.findByRole('button', { name: 'Add platform' }));
    const form = await screen.findByRole('complementary', { name: 'Add platform' });
    const address = within(form).getByLabelText('Address');
    await user.clear(address);
    await user.type(address, 'nonsense');
    await user.click(within(form).getByRole('button', { name: 'Add platform' }));
    expect(await within(form).findByText('1 problem')).toBeVisible();
    await user.clear(address);
    await user.type(address, 'qemu:///broken');
    await user.click(within(form).getByRole('button', { name: 'Add platform' }));
    expect(await within(form).findByRole('alert')).toHaveTextContent('libvirt does not answer');
    await user.clear(address);
    await user.type(address, 'qemu:///system');
    await user.click(within(form).getByRole('button', { name: 'Add platform' }));
    await waitFor(() => expect(engine.data.platforms).toHaveLength(1));
    expect(engine.data.platforms[0]).toMatchObject({ kind: 'libvirt', settings: { uri: 'qemu:///system' } });
  });
});
