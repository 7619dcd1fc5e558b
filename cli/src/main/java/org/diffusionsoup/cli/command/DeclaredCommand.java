package org.diffusionsoup.cli.command;

import picocli.CommandLine.Model.CommandSpec;

/**
 * A command that names its options in code. Annotated fields are shorter, but at every start the
 * JVM makes a class for each kind of annotation, and links reflection for each kind of field: a
 * tenth of the time of a small merge. Commands that are over in less than a second are declared.
 */
public abstract class DeclaredCommand extends SoupCommand {
    /** Gives the name, the description, the examples, and the options, whose values it keeps. */
    public abstract void declare(CommandSpec spec);
}
