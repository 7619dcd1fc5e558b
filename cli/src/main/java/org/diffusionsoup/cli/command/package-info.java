/**
 * What commands share: the base class, groups of commands, and flags that several have. A new
 * command is a class that extends {@link org.diffusionsoup.cli.command.SoupCommand} in the package
 * of what a person does with it, and a line in the list of all commands in {@code cli.start}.
 */
@NullMarked
package org.diffusionsoup.cli.command;

import org.jspecify.annotations.NullMarked;
