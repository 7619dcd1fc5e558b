/**
 * One class per command. A new command is a class that extends {@link
 * org.diffusionsoup.cli.command.SoupCommand} and a line in {@link
 * org.diffusionsoup.cli.command.Commands}.
 */
@NullMarked
package org.diffusionsoup.cli.command;

import org.jspecify.annotations.NullMarked;
