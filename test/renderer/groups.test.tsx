import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { emptyData } from '../fakes/fake-engine-data.ts';
import { findRow, openConsole } from './harness.tsx';

describe('Client groups', () => {
  it('lists the groups with their clients and pools; one that is in use is not removed', async () => {
    const { user } = openConsole({ path: '/administration/groups' });
    const row = await findRow(/dc1/u);
    expect(row).toHaveTextContent('bk-kvm-01, bk-kvm-03');
    expect(row).toHaveTextContent('khv');
    expect(await findRow(/No group/u)).not.toHaveTextContent('bk-kvm-05');
    await user.click(row);
    const panel = await screen.findByRole('complementary', { name: 'dc1' });
    expect(within(panel).getByRole('link', { name: 'bk-kvm-01' })).toHaveAttribute(
      'href',
      '/administration/clients?client=1',
    );
    const remove = within(panel).getByRole('button', { name: 'Remove…' });
    expect(remove).toHaveAttribute('aria-disabled', 'true');
    expect(remove).toHaveAttribute('title', 'It has clients: bk-kvm-01, bk-kvm-03.');
  });

  it('adds a group, shows what the engine refuses, renames and removes it', async () => {
    const { user, engine } = openConsole({ path: '/administration/groups?form=group' });
    const form = await screen.findByRole('complementary', { name: 'Add client group' });
    const apply = within(form).getByRole('button', { name: 'Add client group' });
    await user.click(apply);
    expect(await within(form).findByText('Fill this in.')).toBeVisible();
    await user.type(within(form).getByLabelText('Name'), 'dc1');
    await user.click(apply);
    expect(await within(form).findByRole('alert')).toHaveTextContent('a client group named "dc1" exists already');
    await user.type(within(form).getByLabelText('Name'), '-b');
    await user.type(within(form).getByLabelText('Description'), 'second hall');
    await user.click(apply);
    await user.click(await findRow(/dc1-b/u));
    await user.keyboard('e');
    const edit = await screen.findByRole('complementary', { name: 'dc1-b' });
    await user.clear(await within(edit).findByLabelText('Name'));
    await user.type(within(edit).getByLabelText('Name'), 'hall 2');
    await user.click(within(edit).getByRole('button', { name: 'Apply' }));
    await user.pointer({ keys: '[MouseRight]', target: await findRow(/hall 2/u) });
    await user.click(await screen.findByRole('menuitem', { name: /Remove…/u }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove client group hall 2?' });
    await user.click(within(dialog).getByRole('button', { name: 'Remove client group' }));
    await waitFor(() => expect(engine.data.groups.map(({ name }) => name)).not.toContain('hall 2'));
  });

  it('No group keeps its name and says so', async () => {
    openConsole({ path: '/administration/groups?group=1&form=edit' });
    const form = await screen.findByRole('complementary', { name: 'No group' });
    expect(within(form).getByLabelText('Name')).toBeDisabled();
    expect(within(form).getByText('It is always there and keeps its name.')).toBeVisible();
  });

  it('says what groups are for while there is none', async () => {
    openConsole({ path: '/administration/groups', prepare: ({ data }) => Object.assign(data, emptyData()) });
    expect(await screen.findByText('No client group yet')).toBeVisible();
    expect(screen.getAllByRole('button', { name: 'Add client group' })).toHaveLength(2);
  });

  it('a client gets its group in its panel, which says what that means', async () => {
    const { user, engine } = openConsole({ path: '/administration/clients?client=1' });
    const panel = await screen.findByRole('complementary', { name: 'bk-kvm-01' });
    await user.click(within(panel).getByRole('combobox', { name: 'Client group' }));
    await user.click(await screen.findByRole('option', { name: 'No group' }));
    expect(within(panel).getByText(/its next backups go to one of its own/u)).toBeVisible();
    await user.click(within(panel).getByRole('combobox', { name: 'Client group' }));
    await user.click(await screen.findByRole('option', { name: 'Филиалы' }));
    expect(within(panel).getByText(/its next backups go to that of the new group/u)).toBeVisible();
    await user.click(within(panel).getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(engine.data.clients[0]).toMatchObject({ groupId: 4 }));
    await waitFor(() => expect(within(panel).queryByRole('button', { name: 'Save' })).not.toBeInTheDocument());
  });
});

describe('a pool with a repository for each client group', () => {
  it('is offered by the form', async () => {
    const { user } = openConsole({ path: '/administration/pools?form=pool' });
    const form = await screen.findByRole('complementary', { name: 'Add pool' });
    await user.click(within(form).getByLabelText('One repository'));
    await user.click(await screen.findByRole('option', { name: 'for each client group' }));
    expect(within(form).getByText(/^The clients of a group share one/u)).toBeVisible();
  });

  it('names the group or the client of each, also for its passwords', async () => {
    const { user } = openConsole({ path: '/administration/pools?pool=3' });
    const panel = await screen.findByRole('complementary', { name: 'khv' });
    expect(within(panel).getByText('Group dc1')).toBeVisible();
    expect(within(panel).getByText('Maintenance on: each group for itself')).toBeVisible();
    await user.click(within(panel).getByRole('button', { name: 'Passwords' }));
    const dialog = await screen.findByRole('dialog', { name: 'Passwords of khv' });
    await user.click(within(dialog).getByRole('combobox', { name: 'Whose repository' }));
    expect((await screen.findAllByRole('option')).map(({ textContent }) => textContent)).toEqual([
      'Group dc1',
      'local',
    ]);
  });
});
