package org.diffusionsoup.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.architecture.circle.Egg;
import org.diffusionsoup.architecture.circle.Hen;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The modules' rules. Every rule first makes sure that it saw what it is about: a rule over no
 * classes passes whatever the code does.
 */
class ArchitectureTest {
    private static final String ROOT = "org.diffusionsoup.";
    private static final String TORCH = ROOT + "diffusion.torch";

    /** What each module may import of ours, besides itself. */
    private static final Map<String, Set<String>> MODULES =
            Map.of(
                    "core", Set.of(),
                    "image", Set.of("core"),
                    "data", Set.of("core", "image"),
                    "diffusion", Set.of("core", "image"),
                    "eval", Set.of("core", "image", "diffusion"),
                    "report", Set.of("core", "eval"),
                    "registry", Set.of("core"),
                    "workbench",
                            Set.of(
                                    "core",
                                    "image",
                                    "data",
                                    "diffusion",
                                    "eval",
                                    "report",
                                    "registry"),
                    "bench",
                            Set.of(
                                    "core",
                                    "image",
                                    "data",
                                    "diffusion",
                                    "eval",
                                    "registry",
                                    "workbench"),
                    "cli",
                            Set.of(
                                    "core",
                                    "image",
                                    "data",
                                    "diffusion",
                                    "eval",
                                    "report",
                                    "registry",
                                    "workbench",
                                    "bench"));

    /** The packages of {@code core} from the ground up: each sees itself and those before it. */
    private static final List<String> CORE =
            List.of(
                    "core",
                    "core.io",
                    "core.tensor",
                    "core.torch",
                    "core.safetensors",
                    "core.checkpoint",
                    "core.mismatch",
                    "core.kernel",
                    "core.soup.average",
                    "core.soup",
                    "core.diff",
                    "core.convert",
                    "core.method.tensor",
                    "core.method",
                    "core.method.recipe",
                    "core.lora",
                    "core.search");

    /** What commands of one kind may see of those of another, besides what all share. */
    private static final Map<String, Set<String>> COMMANDS =
            Map.of(
                    "bench", Set.of(),
                    "data", Set.of(),
                    "draw", Set.of(),
                    "judge", Set.of(),
                    "model", Set.of(),
                    "search", Set.of(),
                    "train", Set.of(),
                    "registry", Set.of("search"));

    /** The packages of {@code registry} that do its work, and what its users see of each. */
    private static final Map<String, Set<String>> TRADES =
            Map.of(
                    "arrival",
                            Set.of("AddedShard", "Merkle", "NewIngredient", "NewShard", "Retired"),
                    "certificate", Set.of("CertificateCheck"),
                    "check", Set.of("Finding", "Repair"),
                    "context", Set.of("Names", "Providers"),
                    "release", Set.of(),
                    "soup", Set.of("SoupPlan"),
                    "withdraw", Set.of("Gone", "WithdrawRequest", "Withdrawn"));

    private static final int MOST_LINES = 350;
    private static final int MOST_TYPES = 30;

    private static final JavaClasses ALL =
            new ClassFileImporter()
                    .withImportOption(new ImportOption.DoNotIncludeTests())
                    .importPackages("org.diffusionsoup");

    @Test
    void everyModuleWasSeenAndNoOther() {
        Set<String> seen =
                ALL.stream()
                        .map(ArchitectureTest::module)
                        .collect(Collectors.toCollection(TreeSet::new));
        assertThat(seen).isEqualTo(new TreeSet<>(MODULES.keySet()));
    }

    @TestFactory
    Stream<DynamicTest> modulesImportOnlyTheirOwn() {
        return MODULES.entrySet().stream()
                .map(entry ->
                        DynamicTest.dynamicTest(
                                entry.getKey(),
                                () -> importsOnly(entry.getKey(), entry.getValue())));
    }

    private static void importsOnly(String module, Set<String> allowed) {
        assertSeen(c -> module(c).equals(module));
        String[] forbidden =
                MODULES.keySet().stream()
                        .filter(other -> !other.equals(module) && !allowed.contains(other))
                        .map(other -> ROOT + other + "..")
                        .toArray(String[]::new);
        if (forbidden.length > 0) {
            noClasses()
                    .that()
                    .resideInAPackage(ROOT + module + "..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(forbidden)
                    .check(ALL);
        }
    }

    @Test
    void coreSeesTheJdkJacksonCoreAndJSpecifyAlone() {
        assertSeen(c -> module(c).equals("core"));
        classes()
                .that()
                .resideInAPackage(ROOT + "core..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        ROOT + "core..",
                        "java..",
                        "jdk..",
                        "com.fasterxml.jackson.core..",
                        "org.jspecify..",
                        "") // arrays of primitives
                .check(ALL);
    }

    @Test
    void everyLayerOfCoreWasNamed() {
        assertThat(packages().stream().filter(p -> p.startsWith(ROOT + "core")))
                .containsExactlyInAnyOrderElementsOf(CORE.stream().map(p -> ROOT + p).toList());
    }

    @TestFactory
    Stream<DynamicTest> layersOfCoreSeeOnlyThoseBelow() {
        return CORE.stream()
                .map(layer ->
                        DynamicTest.dynamicTest(
                                layer,
                                () -> {
                                    String[] above =
                                            CORE
                                                    .subList(CORE.indexOf(layer) + 1, CORE.size())
                                                    .stream()
                                                    .map(p -> ROOT + p)
                                                    .toArray(String[]::new);
                                    if (above.length > 0) {
                                        noClasses()
                                                .that()
                                                .resideInAPackage(ROOT + layer)
                                                .should()
                                                .dependOnClassesThat()
                                                .resideInAnyPackage(above)
                                                .check(ALL);
                                    }
                                }));
    }

    @Test
    void kernelsAveragingAndPicklesAreCoresOwn() {
        String[] inner = {ROOT + "core.kernel", ROOT + "core.soup.average", ROOT + "core.torch"};
        assertSeen(c -> List.of(inner).contains(c.getPackageName()));
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "core..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(inner)
                .check(ALL);
    }

    @TestFactory
    Stream<DynamicTest> commandsOfOneKindDoNotSeeThoseOfAnother() {
        return COMMANDS.entrySet().stream()
                .map(entry ->
                        DynamicTest.dynamicTest(
                                entry.getKey(),
                                () -> {
                                    String[] others =
                                            COMMANDS.keySet().stream()
                                                    .filter(k -> !k.equals(entry.getKey()))
                                                    .filter(k -> !entry.getValue().contains(k))
                                                    .map(k -> ROOT + "cli." + k)
                                                    .toArray(String[]::new);
                                    String own = ROOT + "cli." + entry.getKey();
                                    assertSeen(c -> c.getPackageName().equals(own));
                                    noClasses()
                                            .that()
                                            .resideInAPackage(own)
                                            .should()
                                            .dependOnClassesThat()
                                            .resideInAnyPackage(others)
                                            .check(ALL);
                                }));
    }

    @Test
    void benchmarksAreStartedByTheCommandLineAlone() {
        String bench = ROOT + "bench";
        assertSeen(c -> c.getPackageName().equals(bench));
        noClasses()
                .that()
                .resideOutsideOfPackages(bench, ROOT + "cli..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(bench)
                .check(ALL);
    }

    @Test
    void classesOfTheRegistryHaveNoCycles() {
        assertSeen(c -> module(c).equals("registry"));
        slices().assignedFrom(classesOf("registry")).should().beFreeOfCycles().check(ALL);
    }

    /** The same rule over two classes of these tests that are a circle. */
    @Test
    void aCircleOfClassesIsSeen() {
        JavaClasses circle = new ClassFileImporter().importClasses(Hen.class, Egg.class);
        assertThatThrownBy(() ->
                        slices().assignedFrom(classesOf("architecture.circle"))
                                .should()
                                .beFreeOfCycles()
                                .check(circle))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("Slice " + Egg.class.getName())
                .hasMessageContaining("Slice " + Hen.class.getName());
    }

    /** A slice for each top-level class of a package and those below, with what is nested in it. */
    private static SliceAssignment classesOf(String part) {
        return new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass c) {
                return c.getPackageName().startsWith(ROOT + part)
                        ? SliceIdentifier.of(c.getPackageName() + "." + outermost(c))
                        : SliceIdentifier.ignore();
            }

            @Override
            public String getDescription() {
                return "top-level classes of " + part;
            }
        };
    }

    @Test
    void usersOfTheRegistrySeeOfItsPartsOnlyWhatIsMeantForThem() {
        Map<String, Set<String>> there =
                ALL.stream()
                        .filter(c -> TRADES.containsKey(trade(c)))
                        .collect(
                                Collectors.groupingBy(
                                        ArchitectureTest::trade,
                                        Collectors.mapping(
                                                ArchitectureTest::outermost, Collectors.toSet())));
        assertThat(there.keySet()).isEqualTo(TRADES.keySet());
        TRADES.forEach((trade, shown) -> assertThat(there.get(trade)).containsAll(shown));
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "registry..")
                .should()
                .dependOnClassesThat(
                        DescribedPredicate.describe(
                                "are the registry's own",
                                c ->
                                        TRADES.containsKey(trade(c))
                                                && !TRADES.get(trade(c)).contains(outermost(c))))
                .check(ALL);
    }

    /** The package below {@code registry}; empty elsewhere. */
    private static String trade(JavaClass c) {
        String registry = ROOT + "registry.";
        return c.getPackageName().startsWith(registry)
                ? c.getPackageName().substring(registry.length())
                : "";
    }

    /** The simple name of the top-level class that a class is or is nested in. */
    private static String outermost(JavaClass c) {
        String name = c.getName().substring(c.getPackageName().length() + 1);
        return name.contains("$") ? name.substring(0, name.indexOf('$')) : name;
    }

    /** More than that and nobody finds what they look for. */
    @Test
    void noPackageHasMoreTypesThanAPersonTakesIn() {
        Map<String, Long> sizes =
                ALL.stream()
                        .filter(c -> !c.getName().contains("$"))
                        .filter(c -> !c.getName().endsWith("package-info"))
                        .collect(
                                Collectors.groupingBy(
                                        JavaClass::getPackageName, Collectors.counting()));
        assertThat(sizes).hasSizeGreaterThan(MODULES.size());
        assertThat(sizes).allSatisfy((name, n) -> assertThat(n).isLessThanOrEqualTo(MOST_TYPES));
    }

    /** ADR 7: what is longer has a reason there, and what has no need of one has none. */
    @Test
    void longFilesHaveAReason() throws IOException {
        Path root = Path.of("").toAbsolutePath().getParent();
        Set<String> excused = new TreeSet<>();
        Matcher names =
                Pattern.compile("`([A-Z]\\w+)`")
                        .matcher(
                                Files.readAllLines(root.resolve("docs/adr/0007-long-files.md"))
                                        .stream()
                                        .filter(line -> line.startsWith("- "))
                                        .map(line -> line.substring(0, line.indexOf(':')))
                                        .collect(Collectors.joining("\n")));
        while (names.find()) {
            excused.add(names.group(1));
        }
        Set<String> tooLong = new TreeSet<>();
        for (String module : MODULES.keySet()) {
            try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src/main/java"))) {
                for (Path f :
                        (Iterable<Path>)
                                files.filter(p -> p.toString().endsWith(".java"))::iterator) {
                    if (Files.readAllLines(f).size() > MOST_LINES) {
                        tooLong.add(f.getFileName().toString().replace(".java", ""));
                    }
                }
            }
        }
        assertThat(tooLong).isEqualTo(excused);
    }

    @Test
    void onlyTheTorchPackageSeesJavaCpp() {
        assertSeen(c -> c.getPackageName().equals(TORCH) && imports(c, "org.bytedeco."));
        noClasses()
                .that()
                .resideOutsideOfPackage(TORCH)
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.bytedeco..")
                .check(ALL);
    }

    @Test
    void theTorchPackageShowsNoJavaCppTypeInItsPublicMethods() {
        assertSeen(c -> c.getPackageName().equals(TORCH) && !publicMethods(c).isEmpty());
        List<String> leaks =
                ALL.stream()
                        .filter(c -> c.getPackageName().equals(TORCH))
                        .flatMap(c -> publicMethods(c).stream())
                        .toList();
        assertThat(leaks).noneMatch(signature -> signature.contains("org.bytedeco."));
    }

    @Test
    void onlyTheCommandLineSeesPicocli() {
        assertSeen(c -> module(c).equals("cli") && imports(c, "picocli."));
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "cli..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("picocli..")
                .check(ALL);
    }

    @Test
    void packagesHaveNoCycles() {
        assertThat(packages()).hasSizeGreaterThan(MODULES.size());
        slices().matching("org.diffusionsoup.(**)").should().beFreeOfCycles().check(ALL);
    }

    @Test
    void everyPackageIsNullMarked() {
        List<String> unmarked =
                packages().stream()
                        .filter(name ->
                                ALL.stream()
                                        .noneMatch(c ->
                                                c.getName().equals(name + ".package-info")
                                                        && c.isAnnotatedWith(
                                                                "org.jspecify.annotations.NullMarked")))
                        .toList();
        assertThat(packages()).isNotEmpty();
        assertThat(unmarked).isEmpty();
    }

    @Test
    void failuresHaveATypeOfTheirOwn() {
        noClasses()
                .that()
                .areNotAssignableTo(Throwable.class)
                .should()
                .callConstructor(RuntimeException.class, String.class)
                .orShould()
                .callConstructor(RuntimeException.class, String.class, Throwable.class)
                .orShould()
                .callConstructor(RuntimeException.class, Throwable.class)
                .because("a failure needs a type of its own and a sentence")
                .check(ALL);
    }

    /** The page's journeys name types that are there, at most ten each. */
    @Test
    void theJourneysOfTheArchitecturePageAreOnTheMap() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "architecture.md"));
        String journeys =
                page.substring(page.indexOf("## Five journeys"), page.indexOf("## Where to start"));
        Set<String> known = ALL.stream().map(JavaClass::getSimpleName).collect(Collectors.toSet());
        List<String> items = List.of(journeys.split("\n- ")).subList(1, 6);
        assertThat(items).hasSize(5);
        for (String item : items) {
            List<String> named =
                    Pattern.compile("`(\\w+)`")
                            .matcher(item)
                            .results()
                            .map(m -> m.group(1))
                            .toList();
            assertThat(named).as(item).hasSizeBetween(5, 10);
            assertThat(known).containsAll(named);
        }
    }

    @Test
    void everyPackageSaysWhatItIsFor() throws IOException {
        List<String> silent = new ArrayList<>();
        int seen = 0;
        for (String module : MODULES.keySet()) {
            try (Stream<Path> all = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                for (Path f : all.filter(p -> p.endsWith("package-info.java")).toList()) {
                    seen++;
                    String text = Files.readString(f);
                    int end = text.indexOf("*/");
                    if (end < 0 || !text.substring(0, end).contains(".")) {
                        silent.add(f.toString());
                    }
                }
            }
        }
        assertThat(seen).isEqualTo(packages().size());
        assertThat(silent).isEmpty();
    }

    @Test
    void aBrokenRuleIsNoticed() {
        assertThatThrownBy(() ->
                        noClasses()
                                .that()
                                .resideInAPackage(ROOT + "cli..")
                                .should()
                                .dependOnClassesThat()
                                .resideInAPackage("picocli..")
                                .check(ALL))
                .isInstanceOf(AssertionError.class);
    }

    private static void assertSeen(Predicate<JavaClass> rule) {
        assertThat(ALL.stream().filter(rule)).as("classes that the rule is about").isNotEmpty();
    }

    private static boolean imports(JavaClass c, String prefix) {
        return c.getDirectDependenciesFromSelf().stream()
                .anyMatch(d -> d.getTargetClass().getName().startsWith(prefix));
    }

    private static List<String> publicMethods(JavaClass c) {
        if (!c.getModifiers().contains(JavaModifier.PUBLIC)) {
            return List.of();
        }
        return c.getMethods().stream()
                .filter(m -> m.getModifiers().contains(JavaModifier.PUBLIC))
                .map(m -> m.getRawReturnType().getName() + " " + m.getFullName())
                .toList();
    }

    private static Set<String> packages() {
        return ALL.stream()
                .map(JavaClass::getPackageName)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String module(JavaClass c) {
        String rest = c.getPackageName().substring(ROOT.length());
        return rest.contains(".") ? rest.substring(0, rest.indexOf('.')) : rest;
    }
}
